use proptest::prelude::*;

use super::*;

#[test]
fn what_a_message_asks_for() {
    let cases = [
        // A text, or code, that is wanted.
        (
            "Draft a professional email seeking your supervisor's feedback on the 'Quarterly Financial Report'.",
            "writing",
        ),
        (
            "Could you write a captivating short story beginning with the sentence: The old house held a secret?",
            "writing",
        ),
        ("please rewrite this so that it sounds friendlier: We cannot refund you.", "writing"),
        ("Translate to French: where is the error log?", "writing"),
        ("Write five top-tier Chuck Norris jokes that each relate to a different country of the world.", "writing"),
        ("Give me an outline for a presentation on ergonomic office supplies", "writing"),
        ("Write something nice for my colleague.", "writing"),
        ("Write a C++ program to find the nth Fibonacci number using recursion.", "code"),
        ("I want you to write a python script that sends me an email", "code"),
        ("Could you please give me a python script to dynamically deserialize json?", "code"),
        ("Write a query that counts the orders of each customer", "database"),
        ("generate a migration adding a column", "database"),
        // Something went wrong.
        ("I get the error 'connection refused' when I start the server", "troubleshooting"),
        ("The export button doesn’t work since yesterday!", "troubleshooting"),
        ("Why does my build fail on CI?", "troubleshooting"),
        ("psql: ERROR: column \"users.id\" must appear in the GROUP BY clause", "troubleshooting"),
        ("Here is a Python function. Can you identify any bug in the following code?", "troubleshooting"),
        // Weighed up.
        ("Postgres vs MySQL for a small shop?", "comparison"),
        ("What's the difference between a LEFT JOIN and an INNER JOIN?", "comparison"),
        ("Which is faster, Python or Go?", "comparison"),
        ("Should I use Redux or plain hooks?", "comparison"),
        ("What is the chance of a number which is even or at least 3?", "explanation"),
        // What it is about.
        ("How do I join two tables on a composite key?", "database"),
        ("Explain what an index is in Postgres", "database"),
        ("What does this do?\n```sql\nselect id from users where active\n```", "database"),
        ("How do I center a div in a webpage using CSS?", "code"),
        ("What does this do?\n```\nfor x in xs { print!(x) }\n```", "code"),
        ("How in JavaScript draw a circle with radius 10 pixels in a html canvas?", "code"),
        ("How many users signed up last month?", "data"),
        ("What was our average revenue per customer in Q3?", "data"),
        ("Show me the sales trend of the last quarter", "data"),
        // How it is put.
        ("How can I promote an app that I have built?", "how_to"),
        ("What is the best way to form a new habit?", "how_to"),
        ("walk me through changing my billing address", "how_to"),
        ("Can you suggest me some good horror movies?", "recommendation"),
        ("what is the best streaming movie service", "recommendation"),
        ("Who invented the honeycomb?", "explanation"),
        ("explain the restrainer from the bible", "explanation"),
        ("Hi, can you please explain how refunds work?", "explanation"),
        ("Why does the second batch of pancakes brown much faster?", "explanation"),
        // Neither, or in no language it knows.
        ("hello!", "other"),
        ("", "other"),
        (" \n\t", "other"),
        ("planning travel in hungary", "other"),
        ("Wie richte ich die Rechnungsadresse ein?", "other"),
        ("請求先住所を変更するには？", "other"),
        ("🦀🦀🦀", "other"),
    ];
    let wrong: Vec<_> = cases.iter().filter(|(message, kind)| question_type(message) != *kind).collect();
    assert!(wrong.is_empty(), "{:?}", wrong.iter().map(|(m, k)| (m, k, question_type(m))).collect::<Vec<_>>());
    assert!(cases.iter().all(|(_, kind)| QUESTION_TYPES.contains(kind)));
    assert!(QUESTION_TYPES.iter().all(|kind| cases.iter().any(|(_, told)| told == kind)), "each of them occurs");
}

#[test]
fn a_pasted_text_does_not_hide_what_is_asked_of_it() {
    let log = "2026-01-01 12:00:00 request failed with an error, exception in handler, select from users\n".repeat(300);
    let asked = format!("Summarize this log:\n{log}");
    assert_eq!(question_type(&asked), "writing");
    let novel = "It was the best of times, it was the worst of times.\n".repeat(500);
    assert_eq!(question_type(&format!("{novel}\nWho wrote this?")), "explanation");
    let noise = format!("Tell me about it.\n{}An error. A crash. An exception.\n{}", novel, novel);
    assert_eq!(question_type(&noise), "explanation", "what stands in the middle does not count");
}

#[test]
fn a_word_is_no_part_of_another() {
    assert_eq!(question_type("debugger terrors overseas"), "other");
    assert_eq!(question_type("A versatile pythonesque sketch"), "other");
}

#[test]
fn the_longest_message_costs_a_few_passes() {
    // Not a measure of time, which is another's on a busy machine: of the bytes that cues are looked for in.
    for text in ["a ".repeat(1 << 17), "a. ".repeat(1 << 16), "```\n".repeat(1 << 16), "é".repeat(1 << 17)] {
        let looked_at = question::bytes_looked_at(&text);
        assert!(looked_at <= 2 * (800 + 300 + 3), "{looked_at}");
        question_type(&text);
    }
}

#[test]
fn what_an_answer_looks_like() {
    let table = "| a | b |\n|---|:-:|\n| 1 | 2 |";
    let cases = [
        ("", "prose"),
        ("One sentence.\nAnother - with a dash.\n\n# A heading\n- one item only", "prose"),
        ("a | b\nno rule below", "prose"),
        ("* * *\n- - -\n---", "prose"),
        ("2026 was good.\n3.5 percent\n1.x", "prose"),
        ("First:\n- one\n- two", "list"),
        ("1. one\n2) two", "list"),
        ("  • one\n  + two", "list"),
        (table, "table"),
        ("Here you are:\n\nname | age\n--- | ---\nA | 1", "table"),
        ("Run this:\n```sh\nls\n```", "code"),
        ("~~~\nunclosed", "code"),
        ("```\n- not\n- items\n| a |\n|---|\n```", "code"),
        ("```\n~~~\n- a\n- b\n```", "code"),
        ("```\nx\n```\n- a\n- b", "mix"),
        (&format!("- a\n- b\n\n{table}"), "mix"),
    ];
    for (answer, format) in cases {
        assert_eq!(response_format(answer), format, "{answer}");
    }
    let windows = table.replace('\n', "\r\n");
    assert_eq!(response_format(&windows), "table");
}

#[test]
fn how_long_an_answer_is_counts_characters() {
    for (characters, class) in
        [(0, "short"), (399, "short"), (400, "medium"), (1499, "medium"), (1500, "long"), (9000, "long")]
    {
        assert_eq!(length_class(&"é".repeat(characters)), class, "{characters}");
    }
}

/// Texts with what the rules look for in them.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "```", "```sql\n", "\n", ". ", "write ", "Write a ", "poem", "how many", " or ", "which ", "’", "|---|", "- a",
        "1. ", "é", "漢字", " ", "?", "error", "please ", "\u{a0}", "*",
    ]);
    prop_oneof![prop::collection::vec(pieces, 0..40).prop_map(|all| all.concat()), "\\PC{0,200}", ".{0,200}"]
}

proptest! {
    #[test]
    fn any_text_has_a_kind_and_always_the_same(text in texts()) {
        let kind = question_type(&text);
        prop_assert!(QUESTION_TYPES.contains(&kind));
        prop_assert_eq!(question_type(&text), kind);
        prop_assert_eq!(question_type(&text.to_ascii_uppercase()), kind);
        prop_assert_eq!(question_type(&format!("\n  {text} \n\n")), kind);
        prop_assert_eq!(question_type(&text.replace('’', "'")), kind);
    }

    #[test]
    fn any_answer_has_a_form(text in texts()) {
        prop_assert!(["prose", "list", "table", "code", "mix"].contains(&response_format(&text)));
        prop_assert!(["short", "medium", "long"].contains(&length_class(&text)));
        prop_assert_eq!(response_format(&format!("{text}\n\n")), response_format(&text));
    }

    #[test]
    fn an_answer_is_no_shorter_with_more(text in texts(), more in texts()) {
        let rank = |text: &str| ["short", "medium", "long"].iter().position(|class| *class == length_class(text));
        prop_assert!(rank(&[text.as_str(), &more].concat()) >= rank(&text));
    }
}
