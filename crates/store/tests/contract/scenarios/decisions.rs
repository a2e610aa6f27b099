//! What people decide.

use pawl_core::decision::Action;
use pawl_store::{
    StoreError,
    decisions::{Change, Decision, Decisions, Order, Proposal, Refusal},
    prompts::{BeginUpdate, Prompts, Submit, Submitted},
    reflections::{Reflections, SkipReason, Task},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    HOLDER,
    prompts::{begin_update, version},
    reflections::{Place, place},
};
use crate::worlds::World;

pub fn order<'a>(place: &Place, decision: Decision<'a>) -> Order<'a> {
    Order {
        decision,
        assistant: None,
        organization_id: Some(place.organization_id),
        reason: Some("because"),
        user_id: None,
    }
}

pub async fn decide(store: &impl Decisions, place: &Place, decision: Decision<'_>) -> Change {
    match store.decide(&order(place, decision)).await.unwrap() {
        Ok(change) => {
            assert_eq!(change.assistant, "default");
            change
        }
        Err(refusal) => panic!("{decision:?} was refused: {refusal:?}"),
    }
}

pub async fn refusal(store: &impl Decisions, place: &Place, decision: Decision<'_>) -> Refusal {
    store.decide(&order(place, decision)).await.unwrap().unwrap_err()
}

/// What changed, and that it was recorded.
pub fn recorded(change: &Change) -> (&str, &Value) {
    assert!(change.audit_id.is_some(), "{change:?}");
    (&change.action, &change.changed)
}

/// That nothing had to change, and nothing was recorded.
pub fn assert_nothing(change: &Change) {
    assert_eq!((&change.changed, change.audit_id), (&json!({}), None));
}

pub fn live(from: i32, to: i32) -> Value {
    json!({"live_version": {"from": from, "to": to}})
}

pub async fn the_right_people_decide(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    let (member_id, member) = world.user().await;
    world.add_member(place.organization_id, member_id, false).await;
    let (admin_id, admin) = world.user().await;
    world.add_member(place.organization_id, admin_id, true).await;
    let (other_organization, _) = world.organization().await;
    let (other_id, other_admin) = world.user().await;
    world.add_member(other_organization, other_id, true).await;

    let pause = order(&place, Decision::Pause { until: None });
    let nobody = world.nobody().decide(&pause).await;
    assert_eq!(nobody.unwrap_err(), StoreError::Unauthenticated);
    assert_eq!(member.decide(&pause).await.unwrap(), Err(Refusal::Forbidden));
    assert_eq!(other_admin.decide(&pause).await.unwrap(), Err(Refusal::OrganizationNotFound));
    let named = Order { user_id: Some(admin_id), ..pause };
    assert_eq!(admin.decide(&named).await.unwrap(), Err(Refusal::UserNotAllowed));
    for (user_id, refusal) in [(member_id, Refusal::Forbidden), (other_id, Refusal::OrganizationNotFound)] {
        let named = Order { user_id: Some(user_id), ..pause };
        assert_eq!(store.decide(&named).await.unwrap(), Err(refusal), "for whom a backend acts must be one");
    }
    let unnamed = Order { organization_id: None, ..pause };
    assert_eq!(store.decide(&unnamed).await.unwrap(), Err(Refusal::OrganizationRequired));
    let nowhere = Order { organization_id: Some(Uuid::max()), ..pause };
    assert_eq!(store.decide(&nowhere).await.unwrap(), Err(Refusal::OrganizationNotFound));
    let nowhere = Order { assistant: Some("nobody"), ..pause };
    assert_eq!(admin.decide(&nowhere).await.unwrap(), Err(Refusal::AssistantNotFound));
    let long = "x".repeat(1001);
    let wordy = Order { reason: Some(&long), ..pause };
    assert_eq!(admin.decide(&wordy).await.unwrap(), Err(Refusal::ReasonTooLong));
    let unknown = Proposal::Suggestion(Uuid::max());
    for decision in [Decision::Approve { what: unknown }, Decision::Reject { what: unknown }] {
        assert_eq!(refusal(&admin, &place, decision).await, Refusal::SuggestionNotFound);
    }

    // An admin of one organisation need not name it; a backend may say for whom it acts.
    let paused = json!({"updates_paused": {"from": false, "to": true}});
    let change = admin.decide(&unnamed).await.unwrap().unwrap();
    assert_eq!(recorded(&change), ("pause", &paused));
    assert_nothing(&store.decide(&named).await.unwrap().unwrap());
}

pub async fn settings_change_and_say_so(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    place.chats(world, 1).await;
    let reflection = place.reflect(&store, Action::PromptUpdate).await;

    decide(&store, &place, Decision::Pause { until: None }).await;
    assert_eq!(place.reason(&store, &place.request()).await, SkipReason::Paused);
    let change = decide(&store, &place, Decision::Resume).await;
    assert_eq!(recorded(&change), ("resume", &json!({"updates_paused": {"from": true, "to": false}})));
    assert_nothing(&decide(&store, &place, Decision::Resume).await);
    begin_update(&store, reflection).await;

    let until = |until| Decision::Pause { until: Some(until) };
    assert_eq!(refusal(&store, &place, until("soon enough")).await, Refusal::UntilInvalid);
    assert_eq!(refusal(&store, &place, until("2031-02-30T00:00:00Z")).await, Refusal::UntilInvalid);
    assert_eq!(refusal(&store, &place, until("2001-01-01T00:00:00Z")).await, Refusal::UntilIsPast);
    let change = decide(&store, &place, until("2200-01-01T00:00:00Z")).await;
    assert!(change.changed.get("paused_until").is_some(), "{change:?}");
    assert_eq!(place.reason(&store, &place.request()).await, SkipReason::Paused);
    decide(&store, &place, Decision::Resume).await;

    let clauses = ["bicycles".to_owned(), "Be kind.".to_owned()];
    let change = decide(&store, &place, Decision::Protect { clauses: &clauses }).await;
    assert_eq!(recorded(&change), ("protect", &json!({"protected_clauses": {"from": [], "to": clauses}})));
    assert_eq!(change.about, json!({"missing": [2]}));
    let blank = [" ".to_owned()];
    assert_eq!(refusal(&store, &place, Decision::Protect { clauses: &blank }).await, Refusal::ClausesInvalid);
    decide(&store, &place, Decision::Protect { clauses: &[] }).await;

    let change = decide(&store, &place, Decision::Lock { version: None, locked: true }).await;
    assert_eq!(recorded(&change), ("lock", &json!({"locked": {"from": false, "to": true}})));
    assert_eq!(change.about, json!({"version": 1}));
    assert_eq!(place.reason(&store, &place.request()).await, SkipReason::Locked);
    let unlock = Decision::Lock { version: Some(1), locked: false };
    assert_eq!(recorded(&decide(&store, &place, unlock).await).0, "unlock");
    let unknown = Decision::Lock { version: Some(9), locked: true };
    assert_eq!(refusal(&store, &place, unknown).await, Refusal::VersionNotFound);
}

pub async fn versions_change_and_say_so(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    assert_eq!(
        refusal(&store, &place, Decision::Rollback { version: None }).await,
        Refusal::NoEarlierVersion,
        "the first version took over from none"
    );
    let write = |content, activate| Decision::Write { content, activate };
    assert_eq!(refusal(&store, &place, write(" ", true)).await, Refusal::ContentInvalid);
    let clauses = ["bicycles".to_owned()];
    decide(&store, &place, Decision::Protect { clauses: &clauses }).await;
    let missing = Refusal::ClausesMissing { clauses: vec![1] };
    assert_eq!(refusal(&store, &place, write("About cars.", true)).await, missing);

    // A draft changes nothing that is live.
    let change = decide(&store, &place, write("About bicycles, by hand.", false)).await;
    assert_eq!(recorded(&change), ("write", &json!({"latest_version": {"from": 1, "to": 2}})));
    assert_eq!(change.about, json!({"version": 2}));
    let change = decide(&store, &place, write("About bicycles, at once.", true)).await;
    let both = json!({"latest_version": {"from": 2, "to": 3}, "live_version": {"from": 1, "to": 3}});
    assert_eq!(recorded(&change), ("write", &both));
    let again = decide(&store, &place, write("About bicycles, at once.", true)).await;
    assert_nothing(&again);
    assert_eq!(again.about, json!({"version": 3}), "who was not heard may say it once more");

    let change = decide(&store, &place, Decision::Activate { version: 2 }).await;
    assert_eq!(recorded(&change), ("activate", &live(3, 2)));
    assert_nothing(&decide(&store, &place, Decision::Activate { version: 2 }).await);
    assert_eq!(refusal(&store, &place, Decision::Activate { version: 9 }).await, Refusal::VersionNotFound);

    // Back the way they came: 2 took over from 3, though it was written after 1.
    let back = Decision::Rollback { version: None };
    assert_eq!(recorded(&decide(&store, &place, back).await), ("rollback", &live(2, 3)));
    assert_eq!(recorded(&decide(&store, &place, back).await), ("rollback", &live(3, 1)));
    assert_eq!(refusal(&store, &place, back).await, Refusal::NoEarlierVersion);
    // Also from where a version went live a second time.
    decide(&store, &place, Decision::Activate { version: 3 }).await;
    decide(&store, &place, Decision::Activate { version: 2 }).await;
    decide(&store, &place, Decision::Activate { version: 1 }).await;
    assert_eq!(recorded(&decide(&store, &place, back).await), ("rollback", &live(1, 2)));
    decide(&store, &place, Decision::Activate { version: 1 }).await;
    let to = Decision::Rollback { version: Some(2) };
    assert_eq!(recorded(&decide(&store, &place, to).await), ("rollback", &live(1, 2)));
    assert_eq!(refusal(&store, &place, Decision::Rollback { version: Some(9) }).await, Refusal::VersionNotFound);

    // An older version may lack a clause, and the answer says so.
    let clauses = ["by hand".to_owned()];
    decide(&store, &place, Decision::Protect { clauses: &clauses }).await;
    let change = decide(&store, &place, Decision::Activate { version: 1 }).await;
    assert_eq!(change.about, json!({"version": 1, "missing_clauses": [1]}));

    // Each change of the live version starts the cooldown anew, and supersedes what was judged before it.
    place.chats(world, 1).await;
    let reflection = place.reflect(&store, Action::PromptUpdate).await;
    let cooling = BeginUpdate::Skipped { reason: SkipReason::Cooldown };
    assert_eq!(store.begin_update(reflection).await.unwrap(), cooling);
    decide(&store, &place, Decision::Activate { version: 3 }).await;
    assert_eq!(store.begin_update(reflection).await.unwrap(), BeginUpdate::Superseded);
}

pub async fn nothing_goes_live_without_a_person(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    let change = decide(&store, &place, Decision::RequireApproval { required: true }).await;
    assert_eq!(recorded(&change), ("require_approval", &json!({"approval_required": {"from": false, "to": true}})));

    // What is written goes into test at once, a person is asked, and nothing else is written meanwhile.
    place.chats(world, 1).await;
    let first = place.reflect(&store, Action::PromptUpdate).await;
    let parent = begin_update(&store, first).await;
    let submitted = submit(&store, first, parent, "Better.").await;
    let what = Proposal::Suggestion(submitted.suggestion_id.expect("a suggestion"));
    assert_eq!(submit(&store, first, parent, "Better.").await, submitted);
    assert_eq!(store.begin_update(first).await.unwrap(), BeginUpdate::Submitted(submitted.clone()));
    place.chats(world, 1).await;
    let second = place.reflect(&store, Action::PromptUpdate).await;
    let in_proof = BeginUpdate::Skipped { reason: SkipReason::InProof };
    assert_eq!(store.begin_update(second).await.unwrap(), in_proof);
    let unproved = refusal(&store, &place, Decision::Activate { version: 2 }).await;
    assert_eq!(unproved, Refusal::NotProved, "it goes live by its proof, or by force");

    // Rejected, it makes room; approved, it still has to prove itself.
    let change = decide(&store, &place, Decision::Reject { what }).await;
    let both = json!({
        "status": {"from": "pending", "to": "rejected"},
        "state": {"from": "screening", "to": "rejected"},
    });
    assert_eq!(recorded(&change), ("reject", &both));
    let suggestion_id = submitted.suggestion_id;
    assert_eq!(change.about, json!({"suggestion_id": suggestion_id, "version": 2}));
    assert_nothing(&decide(&store, &place, Decision::Reject { what }).await);
    let rejected = Refusal::AlreadyReviewed { status: "rejected".into() };
    assert_eq!(refusal(&store, &place, Decision::Approve { what }).await, rejected);
    assert!(matches!(store.begin_update(first).await.unwrap(), BeginUpdate::Submitted(_)), "no other is owed");
    let work = place.work(&store, &place.request()).await;
    assert_eq!(work.task, Task::Update { reflection_id: second });
    store.release(HOLDER, place.assistant_id).await.unwrap();
    let parent = begin_update(&store, second).await;
    let submitted = submit(&store, second, parent, "Best.").await;
    assert_eq!(submitted.new_version, 3);
    let suggestion_id = submitted.suggestion_id.expect("a suggestion");
    let approve = Decision::Approve { what: Proposal::Suggestion(suggestion_id) };
    let clauses = ["bicycles".to_owned()];
    decide(&store, &place, Decision::Protect { clauses: &clauses }).await;
    assert_eq!(refusal(&store, &place, approve).await, Refusal::ClausesMissing { clauses: vec![1] });
    decide(&store, &place, Decision::Protect { clauses: &[] }).await;
    let change = decide(&store, &place, approve).await;
    let both = json!({"status": {"from": "pending", "to": "approved"}, "approved": {"from": false, "to": true}});
    assert_eq!(recorded(&change), ("approve", &both));
    assert_eq!(change.about, json!({"suggestion_id": suggestion_id, "version": 3}));
    assert_nothing(&decide(&store, &place, approve).await);
    assert_nothing(&decide(&store, &place, Decision::Approve { what: Proposal::Version(3) }).await);

    // Somebody may change their mind, or make it live without its proof.
    let change = decide(&store, &place, Decision::Reject { what: Proposal::Version(3) }).await;
    assert_eq!(change.changed.get("status"), Some(&json!({"from": "approved", "to": "rejected"})));
    assert_nothing(&decide(&store, &place, Decision::Reject { what: Proposal::Version(3) }).await);
    let ended = refusal(&store, &place, Decision::Approve { what: Proposal::Version(3) }).await;
    assert_eq!(ended, Refusal::TestNotFound);
    world.wait_hours(25).await;
    place.chats(world, 1).await;
    let third = place.reflect(&store, Action::PromptUpdate).await;
    let parent = begin_update(&store, third).await;
    let submitted = submit(&store, third, parent, "By whom?").await;
    let suggestion_id = submitted.suggestion_id.expect("a suggestion");
    let write = Decision::Write { content: "By whom?", activate: true };
    assert_eq!(refusal(&store, &place, write).await, Refusal::NotProved, "it is the text that the loop wrote");
    let change = decide(&store, &place, Decision::Force { version: 4 }).await;
    let both = json!({"status": {"from": "pending", "to": "implemented"}, "live_version": {"from": 1, "to": 4}});
    assert_eq!(recorded(&change), ("force", &both));
    assert_eq!(change.about, json!({"suggestion_id": suggestion_id, "version": 4}));
    assert_nothing(&decide(&store, &place, Decision::Approve { what: Proposal::Suggestion(suggestion_id) }).await);
    assert_nothing(&decide(&store, &place, Decision::Force { version: 4 }).await);
    let implemented = Refusal::AlreadyReviewed { status: "implemented".into() };
    let reject = Decision::Reject { what: Proposal::Suggestion(suggestion_id) };
    assert_eq!(refusal(&store, &place, reject).await, implemented);
    // What has been live may be activated.
    decide(&store, &place, Decision::Activate { version: 1 }).await;
    decide(&store, &place, Decision::Activate { version: 4 }).await;

    // One in test while another version goes live has lost what it was to be compared with.
    world.wait_hours(7).await;
    place.chats(world, 1).await;
    let fourth = place.reflect(&store, Action::PromptUpdate).await;
    let parent = begin_update(&store, fourth).await;
    let submitted = submit(&store, fourth, parent, "Other.").await;
    decide(&store, &place, Decision::Activate { version: 1 }).await;
    let approve = Decision::Approve { what: Proposal::Suggestion(submitted.suggestion_id.expect("a suggestion")) };
    assert_eq!(refusal(&store, &place, approve).await, rejected);
    let by_number = Decision::Approve { what: Proposal::Version(5) };
    assert_eq!(refusal(&store, &place, by_number).await, Refusal::TestNotFound);
    let unknown = Decision::Approve { what: Proposal::Version(9) };
    assert_eq!(refusal(&store, &place, unknown).await, Refusal::VersionNotFound);
}

/// Submits a version for a reflection.
pub async fn submit(store: &impl Prompts, reflection_id: Uuid, parent_id: Uuid, content: &str) -> Submitted {
    match store.submit(&version(reflection_id, parent_id, content)).await.unwrap() {
        Submit::Submitted(submitted) => submitted,
        refused => panic!("it was not submitted: {refused:?}"),
    }
}

pub async fn an_approved_finding_is_written(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    place.chats(world, 1).await;
    let (reflection, suggestion) = place.reflect_and_suggest(&store, Action::Suggestion).await;
    let suggestion_id = suggestion.unwrap();
    let approve = Decision::Approve { what: Proposal::Suggestion(suggestion_id) };
    let reject = Decision::Reject { what: Proposal::Suggestion(suggestion_id) };
    assert_eq!(store.begin_update(reflection).await.unwrap(), BeginUpdate::NotAnUpdate);

    let change = decide(&store, &place, approve).await;
    assert_eq!(recorded(&change), ("approve", &json!({"status": {"from": "pending", "to": "approved"}})));
    assert_eq!(change.about, json!({"suggestion_id": suggestion_id, "owed": true, "blocked_by": null}));

    // It is owed for as long as it takes, whatever is judged meanwhile, unless it is taken back.
    world.wait_hours(48).await;
    place.chats(world, 1).await;
    place.reflect(&store, Action::None).await;
    let work = place.work(&store, &place.request()).await;
    assert_eq!(work.task, Task::Update { reflection_id: reflection });
    store.release(HOLDER, place.assistant_id).await.unwrap();
    let parent = begin_update(&store, reflection).await;
    // Given up, it is tried anew when it is approved once more.
    store.refuse_update(reflection, "too long").await.unwrap();
    assert_eq!(store.begin_update(reflection).await.unwrap(), BeginUpdate::Refused);
    let change = decide(&store, &place, approve).await;
    assert_eq!(recorded(&change), ("approve", &json!({"update": {"from": "refused", "to": "owed"}})));
    assert_nothing(&decide(&store, &place, approve).await);
    assert_eq!(begin_update(&store, reflection).await, parent);
    assert_eq!(submit(&store, reflection, parent, "As approved.").await.new_version, 2);
    // It is implemented when it is live.
    decide(&store, &place, Decision::Force { version: 2 }).await;
    let implemented = Refusal::AlreadyReviewed { status: "implemented".into() };
    assert_eq!(refusal(&store, &place, reject).await, implemented);

    place.chats(world, 1).await;
    let (reflection, suggestion) = place.reflect_and_suggest(&store, Action::Suggestion).await;
    let what = Proposal::Suggestion(suggestion.unwrap());
    let change = decide(&store, &place, Decision::Approve { what }).await;
    assert_eq!(change.about.get("blocked_by"), Some(&json!("cooldown")));
    let change = decide(&store, &place, Decision::Reject { what }).await;
    assert_eq!(recorded(&change), ("reject", &json!({"status": {"from": "approved", "to": "rejected"}})));
    assert_eq!(store.begin_update(reflection).await.unwrap(), BeginUpdate::NotAnUpdate);
}

pub async fn a_pattern_is_taken_back_for_good(world: &impl World) {
    let place = place(world).await;
    let store = world.service();
    let (member_id, member) = world.user().await;
    world.add_member(place.organization_id, member_id, false).await;
    let (admin_id, admin) = world.user().await;
    world.add_member(place.organization_id, admin_id, true).await;
    let (other_organization, _) = world.organization().await;
    let (other_id, other_admin) = world.user().await;
    world.add_member(other_organization, other_id, true).await;
    let revert = |pattern_id| Decision::RevertPattern { pattern_id };
    let influence = |change: &Change, side: &str| change.changed["influence"][side].as_f64();

    let active = world.pattern(place.assistant_id, "active").await;
    assert_eq!(refusal(&store, &place, revert(Uuid::max())).await, Refusal::PatternNotFound);
    assert_eq!(refusal(&other_admin, &place, revert(active)).await, Refusal::PatternNotFound, "another's");
    assert_eq!(refusal(&member, &place, revert(active)).await, Refusal::Forbidden);
    let nobody = world.nobody().decide(&order(&place, revert(active))).await;
    assert_eq!(nobody.unwrap_err(), StoreError::Unauthenticated);

    // It knows its assistant, whatever is named.
    let elsewhere = Order { organization_id: Some(other_organization), ..order(&place, revert(active)) };
    let change = admin.decide(&elsewhere).await.unwrap().unwrap();
    assert_eq!((recorded(&change).0, change.assistant.as_str()), ("revert_pattern", "default"));
    assert_eq!(change.changed["state"], json!({"from": "active", "to": "reverted"}));
    assert_eq!((influence(&change, "from"), influence(&change, "to")), (Some(0.8), Some(0.0)));
    assert_eq!(change.about, json!({"pattern_id": active}));
    assert_nothing(&decide(&store, &place, revert(active)).await);

    // One that is not shown yet never will be; one that ended by itself stays as it ended.
    let candidate = world.pattern(place.assistant_id, "candidate").await;
    let change = decide(&store, &place, revert(candidate)).await;
    let of_state = json!({"state": {"from": "candidate", "to": "reverted"}});
    assert_eq!(recorded(&change), ("revert_pattern", &of_state), "it was shown to nobody");
    let pruned = world.pattern(place.assistant_id, "pruned").await;
    assert_nothing(&decide(&store, &place, revert(pruned)).await);
}
