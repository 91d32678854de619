//! One run: its cases, its progress, and what comes of its outcomes.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::again::Again;
use crate::case::Case;
use crate::corpus;
use crate::escape;
use crate::expectations::{Disabled, Expectations};
use crate::junit;
use crate::options::{Run, Select};
use crate::page;
use crate::report;
use crate::saved;
use crate::verdict::{Answer, Outcome, Verdict};
use crate::wire::Clock;

#[derive(Debug)]
pub(crate) struct Session {
    run: Run,
    cases: Vec<Case>,
    /// Cases that the expectations disable, with the reason.
    disabled: Vec<Disabled>,
    expectations: Expectations,
    again: Again,
    pub(crate) bar: ProgressBar,
}

/// The clock of a connection whose end is waited for so long.
pub(crate) fn clock(kill: Duration) -> Clock {
    Clock { pause: PAUSE, patience: kill.checked_div(4).unwrap_or(kill), kill }
}

/// The selected cases; an error if there is none.
pub(crate) fn selected(select: &Select) -> Result<Vec<Case>, String> {
    let globs: Vec<_> = select.only.iter().map(globset::Glob::compile_matcher).collect();
    let cases = corpus::select(all(select)?, &globs);
    match (cases.is_empty(), select.only.as_slice()) {
        (false, _) => Ok(cases),
        (true, []) => {
            Err("there are no cases: the directory of --cases has none in files *.jsonl".to_owned())
        }
        (true, [only, ..]) => Err(format!(
            "no case matches --only {only:?}: the pattern is for the whole name, such as '6455/5.2/*'; \
             `wsconform list` prints the names",
            only = only.glob()
        )),
    }
}

fn all(select: &Select) -> Result<Vec<Case>, String> {
    match &select.cases {
        Some(directory) => corpus::of_directory(directory),
        None => corpus::built_in(),
    }
}

impl Session {
    pub(crate) fn new(run: Run, again: Again) -> Result<Self, String> {
        let expectations = match &run.expect {
            Some(path) => Expectations::read(path, run.update)?,
            None => Expectations::default(),
        };
        if let Some(path) = &run.expect {
            let checked = expectations.check(&all(&run.select)?);
            checked.map_err(|error| format!("--expect {}: {error}", path.display()))?;
        }
        let (cases, disabled) = expectations.split(selected(&run.select)?)?;
        if cases.is_empty() {
            return Err("every selected case is disabled".to_owned());
        }
        // Before the run, which may be long.
        for (option, path) in [("--json", &run.json), ("--html", &run.html), ("--junit", &run.junit)] {
            path.as_deref().map_or(Ok(()), |path| can_be_written(option, path))?;
        }
        if let (Some(path), true) = (&run.expect, run.update) {
            can_be_written("--expect", path)?;
        }
        run.save.as_deref().map_or(Ok(()), can_be_saved_in)?;
        let bar = ProgressBar::new(cases.len() as u64);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {elapsed}") {
            bar.set_style(style);
        }
        Ok(Self { run, cases, disabled, expectations, again, bar })
    }

    pub(crate) fn cases(&self) -> Vec<Case> {
        self.cases.clone()
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.run.timeout)
    }

    pub(crate) fn clock(&self) -> Clock {
        clock(self.timeout())
    }

    pub(crate) fn jobs(&self, default: usize) -> usize {
        self.run.jobs.map_or(default, usize::from)
    }

    /// One more case is done.
    pub(crate) fn done(&self) {
        self.bar.inc(1);
    }

    /// Writes the reports, and returns the exit status. `agent` is the name of the implementation, unless the command
    /// line gives one.
    pub(crate) fn finish(mut self, mut outcomes: Vec<Outcome>, agent: &str) -> Result<ExitCode, String> {
        self.bar.finish_and_clear();
        let agent = self.run.agent.as_deref().unwrap_or(agent);
        let door = outcomes.first().map(|outcome| outcome.door);
        for (case, reason) in &self.disabled {
            let Some(door) = door else { break };
            let answer = Answer::not_asked(format!("disabled: {reason}"));
            outcomes.push(crate::run::outcome(case, door, vec![("none", answer, Duration::ZERO)]));
        }
        for outcome in &mut outcomes {
            agent.clone_into(&mut outcome.agent);
            outcome.again = self.again.line(&outcome.case);
        }
        let comparison = self.expectations.compare(&mut outcomes);
        if let Some(path) = &self.run.json {
            let written = report::write_json(path, &outcomes);
            written.map_err(|error| format!("--json {}: {error}", path.display()))?;
        }
        if let Some(path) = &self.run.html {
            write("--html", path, &page::report(agent, &outcomes)?)?;
        }
        if let Some(path) = &self.run.junit {
            write("--junit", path, &junit::report(agent, &outcomes, &comparison))?;
        }
        if let Some(directory) = &self.run.save {
            saved::write(directory, &outcomes)?;
        }
        let mut out = io::stdout().lock();
        let printed = writeln!(out, "{}", escape::terminal(agent))
            .and_then(|()| report::print(&outcomes, &comparison, &mut out));
        printed.map_err(|error| format!("standard output: {error}"))?;
        if outcomes.iter().all(|outcome| outcome.verdict == Verdict::NotAsked) {
            let why = outcomes.first().map_or("", |outcome| &outcome.observed);
            return Err(format!("no case could be asked; the first: {}", escape::terminal(why)));
        }
        if let (true, Some(path)) = (self.run.update, &self.run.expect) {
            self.expectations.update(&outcomes);
            self.expectations.write(path)?;
            return Ok(ExitCode::SUCCESS);
        }
        let as_expected = comparison.new_failures.is_empty() && comparison.unexpected_passes.is_empty();
        Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Between two segments. The system reads them one by one most of the time; no verdict rests on it.
const PAUSE: Duration = Duration::from_micros(100);

/// An error if a file cannot be there: its directory does not exist, or it is a directory itself.
fn can_be_written(option: &str, path: &Path) -> Result<(), String> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        return Err(format!(
            "{option} {}: there is no directory {}; make it first",
            path.display(),
            parent.display()
        ));
    }
    match path.is_dir() {
        true => Err(format!("{option} {}: it is a directory; give the name of a file", path.display())),
        false => Ok(()),
    }
}

/// An error if something other than a directory has this name.
pub(crate) fn can_be_saved_in(path: &Path) -> Result<(), String> {
    match path.exists() && !path.is_dir() {
        true => Err(format!("--save {}: it is not a directory", path.display())),
        false => Ok(()),
    }
}

/// Writes what an option asks for; an error names the option.
fn write(option: &str, path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{option} {}: {error}", path.display()))
}
