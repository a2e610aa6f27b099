//! One suite for the fake and for PostgREST: what handler tests rely on is what the database does.
//!
//! `scripts/test` starts a stack and runs all of it; plain `cargo test` runs the fake's part.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod scenarios;
mod worlds;

use scenarios::{attempts, decisions, feedback, patterns, prompts, proof, reflections, turns, watch};
use worlds::{FakeWorld, StackWorld, World};

/// Every scenario in a world, in order. Each makes its own organisation, so none sees another's rows.
async fn keeps_the_contract(world: &impl World) {
    turns::a_turn_is_stored_answered_and_remembered(world).await;
    turns::any_text_comes_back_as_it_was(world).await;
    turns::a_refused_turn_has_its_reason(world).await;
    turns::rights_are_the_databases(world).await;
    attempts::a_key_makes_one_turn_of_many_requests(world).await;
    attempts::a_backend_prepares_a_turn_and_ends_it(world).await;
    attempts::limits_hold_a_person_and_an_organisation(world).await;
    attempts::what_judging_and_writing_cost_is_counted(world).await;
    attempts::of_many_requests_at_once_none_slips_through(world).await;
    feedback::a_reaction_is_stored_once_and_a_changed_one_takes_its_place(world).await;
    feedback::of_many_reactions_the_later_win_and_the_bad_are_named(world).await;
    feedback::nobody_changes_their_mind_without_end(world).await;
    feedback::a_backend_reacts_for_a_person(world).await;
    feedback::of_many_clicks_at_once_one_counts(world).await;
    feedback::who_asks_again_at_once_has_reacted(world).await;
    patterns::patterns_are_served_with_the_prompt_under_a_number(world).await;
    patterns::what_is_learned_from_is_kept_with_the_answer(world).await;
    patterns::what_is_said_of_a_question_is_names(world).await;
    reflections::a_reflection_is_claimed_recorded_and_not_repeated(world).await;
    reflections::a_lease_is_exclusive_and_runs_out(world).await;
    reflections::pauses_locks_and_caps_are_obeyed_unless_forced(world).await;
    prompts::a_version_is_submitted_once(world).await;
    prompts::an_update_can_be_given_up(world).await;
    decisions::the_right_people_decide(world).await;
    decisions::settings_change_and_say_so(world).await;
    decisions::versions_change_and_say_so(world).await;
    decisions::nothing_goes_live_without_a_person(world).await;
    decisions::an_approved_finding_is_written(world).await;
    decisions::a_pattern_is_taken_back_for_good(world).await;
    proof::a_judge_stands_trial_once(world).await;
    proof::a_better_version_proves_itself_and_goes_live(world).await;
    proof::a_worse_version_is_rejected(world).await;
    proof::a_test_is_one_workers_and_ends_when_its_ground_moves(world).await;
    proof::the_years_tests_are_counted(world).await;
    proof::what_is_proved_waits_for_a_person(world).await;
    proof::a_canary_serves_a_share_and_keeps_to_it(world).await;
    proof::a_placebo_never_goes_live(world).await;
    proof::people_test_and_force(world).await;
    watch::a_fall_takes_the_version_back(world).await;
    watch::a_person_is_told_where_nothing_may_be_done(world).await;
    prompts::of_many_at_once_one_wins(world).await;
}

#[tokio::test]
async fn the_fake_keeps_the_contract() {
    keeps_the_contract(&FakeWorld::new()).await;
}

#[tokio::test]
#[ignore = "needs a running stack: scripts/test starts one"]
async fn postgrest_keeps_the_contract() {
    keeps_the_contract(&StackWorld::from_env()).await;
}
