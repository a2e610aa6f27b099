//! Turns of phrase that tell what is asked for. Between `|`; a `*` at the end stands for any end of a word; a `.` is
//! the beginning of a sentence, without what is said for politeness.

/// For each kind: one of the former tells, or two of the latter together.
pub(super) type Cues = (&'static str, &'static str, &'static str);

/// What somebody is set to when a text, or code, is wanted.
pub(super) const MAKING: &str = "write|draft|compose|create|generate|craft|construct|edit|give|make|develop|\
    implement|build|produce|prepare|finish|shorten|improve";

/// Of those, what is said of texts alone.
pub(super) const WRITING: &str = "write|draft|compose";

/// What stands by itself at the beginning of a sentence.
pub(super) const REWORDING: &str = ". rewrite|. rephrase|. reword|. paraphrase|. proofread|. translate|. summarize|\
    . summarise";

/// Things made of words.
pub(super) const TEXTS: &str = "essay*|poem*|email*|mail|letter*|story|stories|article*|blog*|speech*|paragraph*|\
    song*|lyrics|review*|outline*|headline*|caption*|slogan*|tweet*|post|posts|resume|cv|haiku*|joke*|title*|bio|\
    description*|toast|sentence*|text|novel|summary|announcement*|newsletter*|dialogue|tagline*|reply|message";

/// Things that run.
pub(super) const PROGRAMS: &str = "script*|function*|program*|code|class*|regex*|test|tests|api|app|website*|\
    algorithm*|component*|module*|library|snippet*|macro*|extension*|python|rust|java|javascript|typescript|html|\
    css|bash|c++|c#";

/// Things of a database.
pub(super) const STATEMENTS: &str = "query|queries|sql|migration*|schema*|trigger*|database*|statement*";

/// In a fenced block.
pub(super) const SQL: &str = "sql|select|insert into|create table|alter table|delete from|explain analyze";

/// In the order in which they are asked for: what went wrong and what is weighed up before what it is about, and that
/// before how the question is put.
pub(super) const KINDS: [Cues; 8] = [
    (
        "troubleshooting",
        "error*|exception*|traceback|stack trace|stacktrace|doesnt work|does not work|dont work|not working|\
         isnt working|stopped working|stops working|wont start|wont load|wont open|crashes|crashed|crashing|\
         keeps failing|failed to|segfault|panicked|timed out|times out|connection refused|permission denied|\
         unable to|debug|bug|bugs",
        "issue*|problem*|wrong|fix|why does my|why is my|why cant|stuck|cannot|wont|doesnt|isnt|unexpected*|\
         warning*|fail*|crash|broken|undefined|null|suddenly",
    ),
    (
        "comparison",
        "vs|versus|difference between|differences between|what differences|differ from|compare|comparing|comparison|\
         compared to|pros and cons|advantages over|better than|similarities|which is better|which one is better|\
         . which is",
        "",
    ),
    (
        "database",
        "sql|postgres*|mysql|sqlite|mariadb|mongodb|supabase|database*|foreign key*|primary key*|left join|\
         inner join|outer join|group by|insert into|create table|alter table|plpgsql|row level security|rls",
        "table*|quer*|column*|rows|index*|join*|record*|schema*|transaction*|migration*|trigger*|select",
    ),
    (
        "code",
        "python|pythons|javascript|typescript|rust|java|golang|c++|c#|php|kotlin|html|css|regex*|bash|git|docker|\
         kubernetes|npm|compiler|compile|compiles|refactor|source code|unit test*|codebase|stack overflow|\
         command line",
        "json|yaml|code|function*|class|script*|variable*|loop*|library|terminal|linux|array*|string*|object*|\
         method*|package*|import|deploy*|server*|app|program*|algorithm*|api*|endpoint*|react|node|swift|webpage|\
         frontend|backend|implement",
    ),
    (
        "data",
        "how many|percentage*|percent of|revenue|kpi*|dashboard*|metric*|year over year|month over month|churn|\
         median|sales figures|conversion rate*|forecast*|correlation",
        "how much|average|total|sum of|count|number of|rate|trend*|chart*|graph*|growth|last month|last year|\
         last week|last quarter|this month|this year|per month|per day|dataset*|csv|spreadsheet*|data|figures|sales|\
         quarter|probability",
    ),
    (
        "how_to",
        "how do i|how do you|how do we|how can i|how can we|how can you|how should i|how should we|how would i|\
         how would you|how could i|how to|. how in|steps to|step by step|walk me through|best way to|good way to|\
         way to learn|guide to|guide for|instructions for|tutorial|where do i|where can i",
        "",
    ),
    (
        "recommendation",
        "recommend*|suggest*|what are some|some ideas|ideas for|ideas on|what should i|where should i|should i|\
         what to do|what is the best|whats the best|what are the best|. best|looking for|places to|. which",
        "",
    ),
    (
        "explanation",
        "explain*|describe|what is|what are|whats|what does|what do|what did|what was|what were|what happen*|\
         what would happen|what if|. why|. who|. when|since when|. where|how does|how is|how are|how did|how cold|\
         how long|how far|tell me|meaning of|mean|define|definition|understand*|discuss|elaborate|. is|. are|. does|\
         . do|. did|. was|. were|. has|. have you|. provide",
        "",
    ),
];

/// Beside which, in one sentence, an "or" or a "than" weighs two things up.
pub(super) const WEIGHING: &str = "better|faster|cheaper|prefer|should i|should we";

/// What begins a sentence and says nothing of what is asked for.
pub(super) const POLITENESS: &str = "please|kindly|hi|hello|hallo|hey|there|dear|ok|okay|so|well|now|also|then|and|\
    but|thanks|thank|can|could|would|will|i|we|im|id|want|need|like|to|help|me|us|just|quick|question|you";
