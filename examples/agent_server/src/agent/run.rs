//! One run: a question from its plan to its answer, event by event.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

use super::canned::PAUSE;
use super::compose::Composer;
use super::plan::{self, Step};
use super::{Agent, Plan};
use crate::app::App;
use crate::events::{Count, Event, RunField, RunPayload};
use crate::hub::Route;
use crate::ids;
use crate::log;
use crate::regress::Regression;
use crate::runs::Claim;
use crate::store::Role;
use crate::tools::{Arguments, Outcome};
use crate::work;

/// A question that was accepted and stored.
pub(crate) struct Question {
    pub(crate) run_id: String,
    pub(crate) thread_id: String,
    /// The stored message.
    pub(crate) message_id: String,
    pub(crate) text: String,
}

/// Answers a question. Ends early when the claim is cancelled; the thread is free before the last event is out, so that
/// a client that asks again at once is not told to wait.
pub(crate) async fn run(app: Arc<App>, route: Route, question: Question, claim: Claim) {
    let cancelled = claim.cancelled();
    let mut run = Run { app, route, question, claim: Some(claim), held: Vec::new(), recorded: Vec::new() };
    let stopped = tokio::select! {
        () = cancelled => true,
        () = run.answer() => false,
    };
    if stopped {
        run.claim = None;
        run.emit(Event::AgentCancelled { run_id: run.question.run_id.clone() });
    }
}

struct Run {
    app: Arc<App>,
    route: Route,
    question: Question,
    claim: Option<Claim>,
    /// Events that `burst-at-end` holds back.
    held: Vec<Event>,
    /// Events as they were sent, for `canned`.
    recorded: Vec<Event>,
}

/// A call that is out, by its place in the plan.
type Calls = JoinSet<Finished>;

struct Finished {
    place: usize,
    call: Arguments,
    outcome: Outcome,
    elapsed_us: u64,
}

impl Run {
    fn has(&self, regression: Regression) -> bool {
        self.app.regress.is(regression)
    }

    async fn answer(&mut self) {
        let kind = self.has(Regression::Canned).then(|| plan::kind(&self.question.text));
        // `canned`: a question of this kind was answered before; that answer is played.
        if let Some(transcript) = kind.as_ref().and_then(|kind| self.app.agent.canned.transcript(kind)) {
            return self.play(transcript).await;
        }
        // `shared-agent`: the question lives in the one agent that all users share.
        if self.has(Regression::SharedAgent) {
            self.app.agent.put_down(&self.question.text);
        }
        let text = self.question.text.clone();
        let plan = self.think(move |agent| agent.plan(&text)).await;
        self.emit(Event::AgentStarted {
            run_id: self.question.run_id.clone(),
            thread_id: self.question.thread_id.clone(),
            message_id: self.question.message_id.clone(),
        });
        let steps = self.explain(&plan).await;
        let calls = plan.steps.len();
        let (results, stragglers, call_ids) = self.call_tools(plan.steps).await;
        if calls > 1 {
            self.thought(steps + 1, format!("combining {calls} results"));
        }
        self.compose(results, calls).await;
        self.finish_stragglers(stragglers, &call_ids).await;
        if let Some(kind) = kind {
            self.app.agent.canned.keep(kind, std::mem::take(&mut self.recorded));
        }
    }

    /// Work of the agent, off the async threads.
    ///
    /// The socket's task goes first: what was just said is on the wire before a core is taken for the next work.
    async fn think<T: Send + 'static>(&self, job: impl FnOnce(&Agent) -> T + Send + 'static) -> T {
        let agent = Arc::clone(&self.app.agent);
        tokio::task::yield_now().await;
        work::run(move || job(&agent)).await
    }

    /// The question's text, where a run has it.
    fn text(&self) -> String {
        // `shared-agent`: what lies in the shared agent by now may be another user's.
        if self.has(Regression::SharedAgent) { self.app.agent.pick_up() } else { self.question.text.clone() }
    }

    /// One thought about the question and one for each step; how many.
    async fn explain(&mut self, plan: &Plan) -> usize {
        let (text, understood) = (self.text(), plan.clone());
        let first = self.think(move |agent| agent.quote(&text, &understood)).await;
        self.thought(1, first);
        for (number, step) in (1..).zip(plan.steps.clone()) {
            let thought = self.think(move |agent| agent.consider(number, &step)).await;
            self.thought(number + 1, thought);
        }
        plan.steps.len() + 1
    }

    fn thought(&mut self, step: usize, thought: String) {
        // `dropped-thinking`: this path was never given the means to tell.
        if !self.has(Regression::DroppedThinking) {
            self.emit(Event::AgentThinking { run_id: self.question.run_id.clone(), step, thought });
        }
    }

    /// Runs all calls side by side, and tells of each as it finishes.
    async fn call_tools(&mut self, steps: Vec<Step>) -> (Vec<(Arguments, Outcome)>, Calls, Vec<String>) {
        let call_ids: Vec<String> = steps.iter().map(|_| ids::fresh("call")).collect();
        for (call_id, step) in call_ids.iter().zip(&steps) {
            let (run_id, call_id) = (self.question.run_id.clone(), call_id.clone());
            let (tool_name, arguments) = (step.call.tool_name(), step.call.clone());
            // `renamed-event`: somebody found a better name.
            self.emit(if self.has(Regression::RenamedEvent) {
                Event::ToolStarted { run_id, call_id, tool_name, arguments }
            } else {
                Event::ToolExecuting { run_id, call_id, tool_name, arguments }
            });
        }
        tokio::task::yield_now().await;
        let mut calls = Calls::new();
        for (place, step) in steps.into_iter().enumerate() {
            let (agent, started) = (Arc::clone(&self.app.agent), Instant::now());
            calls.spawn_blocking(move || {
                let outcome = agent.call(&step.call);
                let elapsed_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
                Finished { place, call: step.call, outcome, elapsed_us }
            });
        }
        let mut results: Vec<(usize, Arguments, Outcome)> = Vec::new();
        // `early-complete`: the last call is not waited for.
        let waiting_for =
            if self.has(Regression::EarlyComplete) { call_ids.len() - 1 } else { call_ids.len() };
        while results.len() < waiting_for
            && let Some(finished) = calls.join_next().await
        {
            if let Some(finished) = self.finished(finished, &call_ids) {
                results.push((finished.place, finished.call, finished.outcome));
            }
        }
        // The answer must not depend on who won the race.
        results.sort_by_key(|(place, ..)| *place);
        (results.into_iter().map(|(_, call, outcome)| (call, outcome)).collect(), calls, call_ids)
    }

    /// Tells of a finished call. A call that panicked is left out; the run goes on with what it has.
    fn finished(
        &mut self,
        finished: Result<Finished, tokio::task::JoinError>,
        call_ids: &[String],
    ) -> Option<Finished> {
        let finished =
            finished.inspect_err(|error| log::line(format_args!("a tool failed: {error}"))).ok()?;
        // `unpaired-tool`: the completion of the last call is lost.
        if self.has(Regression::UnpairedTool) && finished.place + 1 == call_ids.len() {
            return Some(finished);
        }
        // `crossed-tools`: the first two calls answer under each other's id.
        let crossed = self.has(Regression::CrossedTools) && call_ids.len() > 1 && finished.place < 2;
        let place = if crossed { 1 - finished.place } else { finished.place };
        self.emit(Event::ToolCompleted {
            run_id: self.question.run_id.clone(),
            call_id: call_ids[place].clone(),
            tool_name: finished.call.tool_name(),
            ok: finished.outcome.is_ok(),
            result: finished.outcome.clone(),
            elapsed_us: finished.elapsed_us,
        });
        Some(finished)
    }

    /// `early-complete`: tells of the calls that were not waited for. Otherwise there are none.
    async fn finish_stragglers(&mut self, mut calls: Calls, call_ids: &[String]) {
        while let Some(finished) = calls.join_next().await {
            self.finished(finished, call_ids);
        }
    }

    /// Streams the answer, stores it, and says so.
    async fn compose(&mut self, results: Vec<(Arguments, Outcome)>, tools: usize) {
        let text = self.text();
        let mut composer = self.think(move |agent| Composer::new(agent, &text, &results)).await;
        let (mut answer, mut tokens) = (String::new(), 0);
        while !composer.is_finished() {
            let (back, token) = self
                .think(move |agent| {
                    let token = composer.next(agent);
                    (composer, token)
                })
                .await;
            composer = back;
            let Some(text) = token else { break };
            tokens += 1;
            answer.push_str(&text);
            self.emit(Event::Token { run_id: self.question.run_id.clone(), seq: tokens, text });
        }
        // `slow-leak`: what the run ranked stays, and every later run ranks it again.
        if self.has(Regression::SlowLeak) {
            self.app.agent.leave_behind(composer.remains());
        }
        let (thread_id, stored) = (self.question.thread_id.clone(), answer.clone());
        let message_id =
            self.app.stored(move |store| store.add_message(&thread_id, Role::Assistant, &stored)).await;
        self.claim = None;
        let Ok(message_id) = message_id else {
            return self.emit(Event::error("internal", "the answer could not be stored"));
        };
        let run_id = self.question.run_id.clone();
        self.emit(Event::AgentCompleted {
            // `moved-field`: in this event the run's id moves into a `payload`.
            run: if self.has(Regression::MovedField) {
                RunField::Moved { payload: RunPayload { run_id } }
            } else {
                RunField::Top { run_id }
            },
            thread_id: self.question.thread_id.clone(),
            message_id,
            answer,
            // `type-drift`: the encoder changed, and this number became a string.
            tokens: if self.has(Regression::TypeDrift) {
                Count::Text(tokens.to_string())
            } else {
                Count::Number(tokens)
            },
            tools,
        });
    }

    /// Sends an event to whoever asked.
    fn emit(&mut self, event: Event) {
        if self.has(Regression::Canned) {
            self.recorded.push(event.clone());
        }
        let last = matches!(
            event,
            Event::AgentCompleted { .. } | Event::AgentCancelled { .. } | Event::Error { .. }
        );
        // `burst-at-end`: all that follows the start waits for the end.
        if self.has(Regression::BurstAtEnd) && !last && !matches!(event, Event::AgentStarted { .. }) {
            self.held.push(event);
            return;
        }
        for held in self.held.drain(..) {
            self.app.hub.deliver(&self.route, &held);
        }
        self.app.hub.deliver(&self.route, &event);
    }

    /// `canned`: plays what was recorded, with its ids; only the thread is the one that asked.
    async fn play(&mut self, transcript: Vec<Event>) {
        let thread = self.question.thread_id.clone();
        for mut event in transcript {
            tokio::time::sleep(PAUSE).await;
            if let Event::AgentStarted { thread_id, .. } | Event::AgentCompleted { thread_id, .. } =
                &mut event
            {
                thread_id.clone_from(&thread);
            }
            if matches!(event, Event::AgentCompleted { .. }) {
                self.claim = None;
            }
            self.app.hub.deliver(&self.route, &event);
        }
    }
}
