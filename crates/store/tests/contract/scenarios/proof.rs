//! Tests of versions.

mod ground;
mod steps;

use pawl_core::proof::{Decision as Ruled, Kind, Method, Reason, rule};
use pawl_store::{
    decisions::{Decision, Proposal, Refusal},
    prompts::{BeginUpdate, Prompts},
    proof::{
        Answers, BeginProof, BeginTest, Blocked, DecideTest, GetReceipt, NextPairs, PairResult, Proofs, Recorded,
        Stage, Tokens, Verdicts,
    },
    reflections::{Claim, ClaimRequest, SkipReason},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    HOLDER,
    decisions::{assert_nothing, decide, live, recorded, refusal},
};
use crate::worlds::{Change, World};

pub use ground::{assert_replays, draft, in_test, nothing, nothing_watched, release, submitted, task, watch};
use steps::{answers, begin_proof, judge_trial, look, pairs, plan_from, plan_of, prove, screen};

/// What a trial may cost.
const COST: Tokens = Tokens { read: 2000, said: 1000 };

pub async fn a_judge_stands_trial_once(world: &impl World) {
    let (place, test) = in_test(world, 0).await;
    let store = world.service();
    assert_eq!((test.stage, test.method), (Stage::Screening, None));
    assert_eq!((test.candidate.version, test.candidate.content.as_str()), (2, "Better."));
    assert_eq!((test.baseline.version, test.baseline.content.as_str()), (1, "You answer questions about bicycles."));
    assert_eq!(test.rubric.criteria.criteria()[0].key, "depth");
    assert_eq!((test.judge_model.as_str(), test.chat_model.as_str()), ("claude-sonnet-5-5", "claude-sonnet-5-5"));
    assert_eq!((test.max_answer_tokens, test.history_token_budget), (4096, 8000));

    let begin = |test_id, revision| store.begin_test(HOLDER, test_id, revision, COST);
    let fresh = BeginTest::Ok { tried: false, blocked: None };
    assert_eq!(begin(test.test_id, 3).await.unwrap(), fresh);
    let unheard_of = Tokens { read: 1 << 40, said: 0 };
    let blocked = store.begin_test(HOLDER, test.test_id, 3, unheard_of).await.unwrap();
    assert_eq!(blocked, BeginTest::Ok { tried: false, blocked: Some(Blocked::Tokens) }, "no day pays for that");
    assert_eq!(judge_trial(&store, &test, 3, true).await, Recorded::Ok);
    assert_eq!(judge_trial(&store, &test, 3, false).await, Recorded::Ok, "the first trial is the trial");
    let passed = BeginTest::Ok { tried: true, blocked: None };
    assert_eq!(begin(test.test_id, 3).await.unwrap(), passed);

    // Other instructions are another judge.
    let closed = |reason: &str| Some(reason.to_owned());
    let changed = begin(test.test_id, 4).await.unwrap();
    assert_eq!(changed, BeginTest::Closed { reason: closed("judge_changed") });
    assert_eq!(judge_trial(&store, &test, 4, true).await, Recorded::Closed { reason: closed("judge_changed") });
    let of_draft = json!({"state": {"from": "draft", "to": "screening"}});
    let change = decide(&store, &place, Decision::Test { version: Some(2) }).await;
    assert_eq!(recorded(&change), ("test", &of_draft), "that was not the version's doing");
    release(&store, &place).await;
    let test = task(&store, &place).await.test.unwrap();
    assert_eq!(begin(test.test_id, 5).await.unwrap(), fresh);
    let untrusted = closed("judge_not_trusted");
    assert_eq!(judge_trial(&store, &test, 5, false).await, Recorded::Closed { reason: untrusted.clone() });
    // It is not tried again.
    decide(&store, &place, Decision::Test { version: Some(2) }).await;
    release(&store, &place).await;
    let test = task(&store, &place).await.test.unwrap();
    let known = begin(test.test_id, 5).await.unwrap();
    assert_eq!(known, BeginTest::Closed { reason: untrusted });
    release(&store, &place).await;
}

pub async fn a_better_version_proves_itself_and_goes_live(world: &impl World) {
    let (place, test) = in_test(world, 0).await;
    let store = world.service();
    store.begin_test(HOLDER, test.test_id, 1, COST).await.unwrap();
    let too_few = NextPairs::Ok { pairs: vec![], blocked: Some(Blocked::InsufficientData) };
    assert_eq!(store.next_pairs(HOLDER, test.test_id, 5).await.unwrap(), too_few);
    world.answers(place.assistant_id, 20).await;

    // Questions of their own; those that are answered come first.
    let first = pairs(&store, &test, 5).await;
    assert_eq!(first.len(), 5);
    assert!(first.iter().all(|p| p.answers.is_none() && p.history.is_empty()), "{first:?}");
    assert!(first.iter().all(|p| p.message.starts_with("question ")), "{first:?}");
    let of = |i: usize| PairResult { pair_id: first[i].pair_id, answers: None, verdicts: None, question_type: None };
    let answered = PairResult { answers: Some(answers()), ..of(2) };
    assert_eq!(store.record_pairs(HOLDER, test.test_id, &[answered], &[]).await.unwrap(), Recorded::Ok);
    let next = pairs(&store, &test, 5).await;
    assert_eq!((next[0].pair_id, next[0].answers.clone()), (first[2].pair_id, Some(answers())));
    assert_eq!(next[1].pair_id, first[0].pair_id, "what was handed out is handed out again");

    // A pair counts once, and in both orders.
    let verdicts = |first_order, second_order| Some(Verdicts { first_order, second_order });
    let typed = Some("how_to".to_owned());
    let torn = PairResult { verdicts: verdicts(1, -1), question_type: typed.clone(), ..of(2) };
    let short = Answers { baseline: "a long one".into(), candidate: "short".into() };
    let lost = PairResult { answers: Some(short), verdicts: verdicts(-1, -1), question_type: typed, ..of(0) };
    let unanswered = PairResult { verdicts: verdicts(1, 1), ..of(1) };
    for _ in 0..2 {
        let results = [torn.clone(), lost.clone(), unanswered.clone()];
        assert_eq!(store.record_pairs(HOLDER, test.test_id, &results, &[]).await.unwrap(), Recorded::Ok);
    }
    let case = look(&store, &test).await;
    let seen: Vec<_> = case.observations.pairs().iter().map(|p| (p.d, p.first, p.second, p.longer)).collect();
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [(-1, -1, -1, -1), (0, 1, -1, 1)]);
    assert!(case.observations.pairs().iter().all(|p| p.question_type == "how_to"), "{case:?}");
    assert_eq!((case.kind, case.level, case.horizon, case.floor), (Kind::Screening, None, Some(20), 0.2));
    let ruling = rule(&case);
    assert_eq!(ruling.decision, Ruled::GoOn);
    assert_eq!(store.note_ruling(HOLDER, test.test_id, &ruling).await.unwrap(), Recorded::Ok);

    // Gate one.
    let asked = screen(&store, &test, 1).await;
    assert_eq!((asked.len(), asked.iter().collect::<std::collections::BTreeSet<_>>().len()), (18, 18), "each once");
    let done = NextPairs::Ok { pairs: vec![], blocked: None };
    assert_eq!(store.next_pairs(HOLDER, test.test_id, 5).await.unwrap(), done);
    let case = look(&store, &test).await;
    let (traffic, settings) = plan_from(&store, &test).await.expect("all pairs are there");
    let ruling = rule(&case);
    assert_eq!((ruling.decision, ruling.wins, ruling.losses), (Ruled::Pass, Some(18), Some(1)), "{ruling:?}");
    assert_eq!((traffic.tests_this_year, traffic.promoted_this_year), (0, 0));
    assert_eq!((settings.method, settings.pairs, settings.yearly_budget), (None, 1000, true));
    let plan = plan_of(&traffic, &settings, Method::Replay);
    assert_eq!(plan.position, Some(1));
    let elsewhere = pawl_core::proof::Plan { position: Some(2), ..plan.clone() };
    let stale = store.begin_proof(HOLDER, test.test_id, &elsewhere, &case, &ruling).await.unwrap();
    assert_eq!(stale, BeginProof::Stale);
    for _ in 0..2 {
        let begun = store.begin_proof(HOLDER, test.test_id, &plan, &case, &ruling).await.unwrap();
        assert_eq!(begun, BeginProof::Ok);
    }
    release(&store, &place).await;
    let again = task(&store, &place).await.test.unwrap();
    assert_eq!((again.stage, again.method), (Stage::Proving, Some(Method::Replay)));

    // Gate two, from questions that the first did not take.
    let too_few = NextPairs::Ok { pairs: vec![], blocked: Some(Blocked::InsufficientData) };
    assert_eq!(store.next_pairs(HOLDER, test.test_id, 5).await.unwrap(), too_few);
    world.answers(place.assistant_id, 100).await;
    let (case, ruling) = prove(&store, &test, 1).await;
    assert_eq!(
        (case.kind, case.level, case.horizon),
        (Kind::Replay, Some(plan.level), Some(100)),
        "no more than there are"
    );
    assert_eq!((ruling.decision, ruling.reason), (Ruled::Promote, Reason::Better), "{ruling:?}");
    let decided = store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap();
    let DecideTest::Ok { receipt_id, version: 2 } = decided else { panic!("it was not promoted: {decided:?}") };
    assert_eq!(store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap(), decided);
    let ended = NextPairs::Closed { reason: Some("better".into()) };
    assert_eq!(store.next_pairs(HOLDER, test.test_id, 5).await.unwrap(), ended);
    assert_nothing(&decide(&store, &place, Decision::Activate { version: 2 }).await);

    // The receipt says the same whenever it is read, to who may read it.
    let (admin_id, admin) = world.user().await;
    world.add_member(place.organization_id, admin_id, true).await;
    for read in [store.receipt(receipt_id, None).await, admin.receipt(receipt_id, None).await] {
        let GetReceipt::Ok(receipt) = read.unwrap() else { panic!("no receipt") };
        assert_eq!(receipt.receipt_id, receipt_id);
        assert_replays(&receipt, &case, &ruling);
    }
    let (member_id, member) = world.user().await;
    world.add_member(place.organization_id, member_id, false).await;
    assert_eq!(member.receipt(receipt_id, None).await.unwrap(), GetReceipt::Forbidden);
    assert_eq!(store.receipt(receipt_id, Some(member_id)).await.unwrap(), GetReceipt::Forbidden);
    assert_eq!(admin.receipt(receipt_id, Some(admin_id)).await.unwrap(), GetReceipt::UserNotAllowed);
    let (_, stranger) = world.user().await;
    assert_eq!(stranger.receipt(receipt_id, None).await.unwrap(), GetReceipt::ReceiptNotFound);
    assert_eq!(store.receipt(Uuid::max(), None).await.unwrap(), GetReceipt::ReceiptNotFound);
    release(&store, &place).await;
}

pub async fn a_worse_version_is_rejected(world: &impl World) {
    let (place, test) = in_test(world, 20).await;
    let store = world.service();
    screen(&store, &test, -1).await;
    let case = look(&store, &test).await;
    let ruling = rule(&case);
    assert_eq!((ruling.decision, ruling.reason), (Ruled::Reject, Reason::NotMoreWins));
    let decided = store.decide_test(HOLDER, test.test_id, false, &case, &ruling).await.unwrap();
    let DecideTest::Ok { receipt_id, version: 2 } = decided else { panic!("it was not rejected: {decided:?}") };
    assert_eq!(store.decide_test(HOLDER, test.test_id, false, &case, &ruling).await.unwrap(), decided);
    let GetReceipt::Ok(receipt) = store.receipt(receipt_id, None).await.unwrap() else { panic!("no receipt") };
    assert_replays(&receipt, &case, &ruling);
    let promoted = store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap();
    assert_eq!(promoted, DecideTest::Closed { reason: Some("not_more_wins".into()) });
    assert_eq!(refusal(&store, &place, Decision::Activate { version: 2 }).await, Refusal::NotProved);
    assert_nothing(&decide(&store, &place, Decision::Activate { version: 1 }).await);
    release(&store, &place).await;
    assert_eq!(nothing(&store, &place).await, SkipReason::NothingToProve);
}

pub async fn a_test_is_one_workers_and_ends_when_its_ground_moves(world: &impl World) {
    const RIVAL: Uuid = Uuid::from_u128(0xA2);
    let (place, test) = in_test(world, 20).await;
    let (store, id) = (world.service(), test.test_id);
    let case = look(&store, &test).await;
    let ruling = rule(&case);
    let plan = plan_of(&ground::traffic(), &ground::settings(), Method::Replay);
    let rival = ClaimRequest { holder: RIVAL, ..place.request() };
    let Claim::Ok(claimed) = store.claim_proof(&rival, None, false).await.unwrap() else { panic!("no assistant") };
    assert_eq!((claimed.claim, claimed.skipped[0].reason), (None, SkipReason::InProgress));
    let unknown = ClaimRequest { assistant: Some("nobody"), ..place.request() };
    assert_eq!(store.claim_proof(&unknown, None, false).await.unwrap(), Claim::AssistantNotFound);
    assert_eq!(store.begin_test(RIVAL, id, 1, COST).await.unwrap(), BeginTest::LeaseLost);
    assert_eq!(store.next_pairs(RIVAL, id, 1).await.unwrap(), NextPairs::LeaseLost);
    assert_eq!(store.record_pairs(RIVAL, id, &[], &[]).await.unwrap(), Recorded::LeaseLost);
    assert_eq!(store.record_units(RIVAL, id, &[], &[]).await.unwrap(), Recorded::LeaseLost);
    assert_eq!(store.note_ruling(RIVAL, id, &ruling).await.unwrap(), Recorded::LeaseLost);
    assert_eq!(store.begin_proof(RIVAL, id, &plan, &case, &ruling).await.unwrap(), BeginProof::LeaseLost);
    assert_eq!(store.decide_test(RIVAL, id, false, &case, &ruling).await.unwrap(), DecideTest::LeaseLost);
    world.wait_hours(1).await;
    assert_eq!(store.next_pairs(HOLDER, id, 1).await.unwrap(), NextPairs::LeaseLost, "a lease runs out");
    assert_eq!(task(&store, &place).await.test.map(|t| t.test_id), Some(id));

    // Another judge compares with other eyes: nothing of before counts, and the version is tested anew.
    world.change(place.assistant_id, Change::JudgeModel("claude-opus-5-5")).await;
    release(&store, &place).await;
    let test = task(&store, &place).await.test.unwrap();
    assert_ne!(test.test_id, id);
    assert_eq!((test.stage, test.candidate.version), (Stage::Screening, 2));
    assert_eq!(test.judge_model, "claude-opus-5-5");

    // So does whatever goes live meanwhile.
    decide(&store, &place, Decision::Write { content: "By hand.", activate: true }).await;
    let ended = NextPairs::Closed { reason: Some("baseline_changed".into()) };
    assert_eq!(store.next_pairs(HOLDER, test.test_id, 1).await.unwrap(), ended);
    let change = decide(&store, &place, Decision::Test { version: Some(2) }).await;
    assert_eq!(recorded(&change).1, &json!({"state": {"from": "rejected", "to": "screening"}}));
    release(&store, &place).await;
}

pub async fn the_years_tests_are_counted(world: &impl World) {
    let (place, test) = in_test(world, 120).await;
    let store = world.service();
    screen(&store, &test, 1).await;
    let first = begin_proof(&store, &test).await;
    let (case, ruling) = prove(&store, &test, -1).await;
    assert_eq!((ruling.decision, ruling.reason), (Ruled::Reject, Reason::Worse));
    let decided = store.decide_test(HOLDER, test.test_id, false, &case, &ruling).await.unwrap();
    assert!(matches!(decided, DecideTest::Ok { .. }), "{decided:?}");

    decide(&store, &place, Decision::Test { version: Some(2) }).await;
    release(&store, &place).await;
    let test = task(&store, &place).await.test.unwrap();
    assert_eq!(plan_from(&store, &test).await, None, "nothing is planned before the screening is over");
    screen(&store, &test, 1).await;
    let (traffic, _) = plan_from(&store, &test).await.expect("all pairs are there");
    assert_eq!((traffic.tests_this_year, traffic.promoted_this_year, traffic.year), (1, 0, first.year.unwrap()));
    let second = begin_proof(&store, &test).await;
    assert_eq!((first.position, second.position), (Some(1), Some(2)));
    decide(&store, &place, Decision::Reject { what: Proposal::Version(2) }).await;

    // Without the budget there is no place to take.
    world.change(place.assistant_id, Change::YearlyBudget(false)).await;
    decide(&store, &place, Decision::Test { version: Some(2) }).await;
    release(&store, &place).await;
    let test = task(&store, &place).await.test.unwrap();
    screen(&store, &test, 1).await;
    let (traffic, _) = plan_from(&store, &test).await.expect("all pairs are there");
    assert_eq!(traffic.tests_this_year, 2);
    let third = begin_proof(&store, &test).await;
    assert_eq!((third.position, third.level), (None, 0.01));
    assert_eq!(plan_from(&store, &test).await, None);
    release(&store, &place).await;
}

pub async fn what_is_proved_waits_for_a_person(world: &impl World) {
    let place = ground::place(world).await;
    let store = world.service();
    decide(&store, &place, Decision::RequireApproval { required: true }).await;
    let (test, suggestion_id) = ground::submitted(world, &place, 120).await;
    screen(&store, &test, 1).await;
    let case = look(&store, &test).await;
    let (traffic, settings) = plan_from(&store, &test).await.expect("all pairs are there");
    let ruling = rule(&case);
    let canary = plan_of(&traffic, &settings, Method::Canary);
    let held = store.begin_proof(HOLDER, test.test_id, &canary, &case, &ruling).await.unwrap();
    assert_eq!(held, BeginProof::Held { reason: "awaiting_approval".into() }, "it would be shown to people");
    begin_proof(&store, &test).await;
    let (case, ruling) = prove(&store, &test, 1).await;
    let held = store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap();
    assert_eq!(held, DecideTest::Held { reason: "awaiting_approval".into() });

    // Approved while something else is in the way, it goes live when that is gone.
    decide(&store, &place, Decision::Pause { until: None }).await;
    let approve = Decision::Approve { what: Proposal::Suggestion(suggestion_id.unwrap()) };
    let change = decide(&store, &place, approve).await;
    assert_eq!(change.about, json!({"suggestion_id": suggestion_id, "version": 2, "held": "paused"}));
    let held = store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap();
    assert_eq!(held, DecideTest::Held { reason: "paused".into() });
    decide(&store, &place, Decision::Resume).await;
    world.change(place.assistant_id, Change::Locked(true)).await;
    let held = store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap();
    assert_eq!(held, DecideTest::Held { reason: "locked".into() });
    world.change(place.assistant_id, Change::Locked(false)).await;
    let clauses = ["bicycles".to_owned()];
    decide(&store, &place, Decision::Protect { clauses: &clauses }).await;
    let held = store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap();
    assert_eq!(held, DecideTest::Held { reason: "clauses_missing".into() });
    decide(&store, &place, Decision::Protect { clauses: &[] }).await;
    let decided = store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap();
    assert!(matches!(decided, DecideTest::Ok { version: 2, .. }), "{decided:?}");
    release(&store, &place).await;

    // One that only waited for approval is live by it.
    draft(world, &place, "Best.").await;
    decide(&store, &place, Decision::Test { version: Some(3) }).await;
    let test = task(&store, &place).await.test.unwrap();
    screen(&store, &test, 1).await;
    begin_proof(&store, &test).await;
    world.answers(place.assistant_id, 1).await;
    let (case, ruling) = prove(&store, &test, 1).await;
    let held = store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap();
    assert_eq!(held, DecideTest::Held { reason: "awaiting_approval".into() });
    let change = decide(&store, &place, Decision::Approve { what: Proposal::Version(3) }).await;
    let both = json!({
        "approved": {"from": false, "to": true}, "status": {"from": "pending", "to": "implemented"}});
    assert_eq!(recorded(&change), ("approve", &both), "it was laid before a person");
    let receipt_id = change.about["receipt_id"].as_str().and_then(|id| id.parse().ok()).expect("a receipt");
    let GetReceipt::Ok(receipt) = store.receipt(receipt_id, None).await.unwrap() else { panic!("no receipt") };
    assert_replays(&receipt, &case, &ruling);
    assert_nothing(&decide(&store, &place, Decision::Activate { version: 3 }).await);
    release(&store, &place).await;
}

pub async fn a_canary_serves_a_share_and_keeps_to_it(world: &impl World) {
    steps::a_canary(world).await;
}

pub async fn a_placebo_never_goes_live(world: &impl World) {
    let place = ground::place(world).await;
    let store = world.service();
    world.change(place.assistant_id, Change::PlaceboShare(1)).await;
    let reflection = ground::reflected(world, &place).await;
    let skipped = |reason| BeginUpdate::Skipped { reason };
    assert_eq!(store.begin_update(reflection).await.unwrap(), skipped(SkipReason::Placebo));
    assert_eq!(store.begin_update(reflection).await.unwrap(), skipped(SkipReason::InProof));
    world.answers(place.assistant_id, 120).await;
    let test = task(&store, &place).await.test.unwrap();
    assert_eq!((test.candidate.version, &test.candidate.content), (2, &test.baseline.content));

    screen(&store, &test, 1).await;
    let plan = begin_proof(&store, &test).await;
    assert!(plan.position.is_some(), "as if it took a place");
    let (case, ruling) = prove(&store, &test, 1).await;
    let decided = store.decide_test(HOLDER, test.test_id, true, &case, &ruling).await.unwrap();
    assert!(matches!(decided, DecideTest::Ok { version: 2, .. }), "{decided:?}");
    assert_nothing(&decide(&store, &place, Decision::Activate { version: 1 }).await);
    assert_eq!(refusal(&store, &place, Decision::Activate { version: 2 }).await, Refusal::NotProved);
    assert_eq!(refusal(&store, &place, Decision::Force { version: 2 }).await, Refusal::NotTestable);

    // The update is still owed.
    world.change(place.assistant_id, Change::PlaceboShare(0)).await;
    assert!(matches!(store.begin_update(reflection).await.unwrap(), BeginUpdate::Ok(_)));
    release(&store, &place).await;
}

pub async fn people_test_and_force(world: &impl World) {
    let place = ground::place(world).await;
    let store = world.service();
    draft(world, &place, "A draft.").await;
    let test = |version| Decision::Test { version };
    let change = decide(&store, &place, test(Some(2))).await;
    assert_eq!(recorded(&change), ("test", &json!({"state": {"from": "draft", "to": "screening"}})));
    assert_eq!(change.about, json!({"version": 2}));
    assert_nothing(&decide(&store, &place, test(Some(2))).await);
    for other in [Some(1), None] {
        assert_eq!(refusal(&store, &place, test(other)).await, Refusal::InProof { version: 2 });
    }
    assert_eq!(refusal(&store, &place, test(Some(9))).await, Refusal::VersionNotFound);
    let change = decide(&store, &place, Decision::Reject { what: Proposal::Version(2) }).await;
    assert_eq!(recorded(&change), ("reject", &json!({"state": {"from": "screening", "to": "rejected"}})));
    let clauses = ["bicycles".to_owned()];
    decide(&store, &place, Decision::Protect { clauses: &clauses }).await;
    let missing = Refusal::ClausesMissing { clauses: vec![1] };
    assert_eq!(refusal(&store, &place, test(Some(2))).await, missing);
    assert_eq!(refusal(&store, &place, Decision::Force { version: 2 }).await, missing);
    decide(&store, &place, Decision::Protect { clauses: &[] }).await;
    decide(&store, &place, test(Some(2))).await;

    // Forced, it is live, and its test is over.
    let change = decide(&store, &place, Decision::Force { version: 2 }).await;
    assert_eq!(recorded(&change), ("force", &live(1, 2)));
    assert_eq!(nothing(&store, &place).await, SkipReason::NothingToProve);
    for version in [1, 2] {
        assert_eq!(refusal(&store, &place, test(Some(version))).await, Refusal::NotTestable);
    }
    assert_eq!(refusal(&store, &place, Decision::Force { version: 9 }).await, Refusal::VersionNotFound);
    let change = decide(&store, &place, test(None)).await;
    assert_eq!(recorded(&change), ("test", &json!({"state": {"from": null, "to": "screening"}})));
    assert_eq!(change.about, json!({"version": 3, "placebo": true}));
    let test = task(&store, &place).await.test.unwrap();
    assert_eq!(test.candidate.content, test.baseline.content);
    release(&store, &place).await;
}
