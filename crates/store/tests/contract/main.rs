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

use scenarios::{attempts, decisions, feedback, models, patterns, prompts, proof, reflections, training, turns, watch};
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
    models::a_version_is_served_by_its_own_model(world).await;
    models::a_version_is_tested_with_the_model_that_it_takes_over(world).await;
    training::collect::feedback_becomes_training_data(world).await;
    training::collect::what_was_said_twice_is_one_row(world).await;
    training::collect::what_contradicts_itself_teaches_nothing(world).await;
    training::collect::training_is_one_workers(world).await;
    training::collect::who_reacted_lately_stands_beside_who_did_before(world).await;
    training::collect::who_may_steer_is_told_what_people_make_of_answers(world).await;
    training::dataset::a_dataset_is_the_same_at_every_call(world).await;
    training::dataset::a_dataset_is_sealed_once(world).await;
    training::trainer::a_trainer_is_told_once(world).await;
    training::trainer::a_trainer_that_does_not_listen_is_given_up(world).await;
    training::trainer::a_trainer_that_could_not_be_asked_is_asked_again(world).await;
    training::trainer::a_trainer_answers_for_its_dataset(world).await;
    training::trainer::a_model_is_tested_like_a_prompt(world).await;
    training::trainer::runs_are_kept(world).await;
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
