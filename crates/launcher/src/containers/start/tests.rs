//! Order and verdicts on the recorded engine, whose clock is virtual.

use super::*;
use crate::compose_file::{Dependency, Healthcheck, HealthcheckTest, Service};
use crate::containers::{Done, Record, StartedIn};
use crate::engine::{COMPOSE_SERVICE_LABEL, HealthStatus, Recorded, Run};
use crate::error::StartRefusal;

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A project whose containers do what a test says.
struct Stage {
    project: ComposeProject,
    engine: Recorded,
    containers: BTreeMap<String, Vec<Container>>,
    options: StartOptions,
}

/// What a service waits for.
type Needs<'a> = &'a [(&'a str, Condition)];

impl Stage {
    fn new() -> Self {
        let options = StartOptions { wait: true, ..StartOptions::default() };
        let project = ComposeProject { name: "shop".into(), ..ComposeProject::default() };
        Self { project, engine: Recorded::new(), containers: BTreeMap::new(), options }
    }

    /// Adds a service with what its container does; it has a health check where that says something of one.
    fn service(self, name: &str, needs: Needs<'_>, run: Run) -> Self {
        let checked = !run.verdicts.is_empty() || run.answers_after.is_some();
        let healthcheck = checked.then(|| Healthcheck {
            test: HealthcheckTest::Command(vec!["check".into()]),
            ..Healthcheck::default()
        });
        self.container(name, needs, Container { healthcheck, ..Container::default() }, run)
    }

    fn container(mut self, name: &str, needs: Needs<'_>, like: Container, run: Run) -> Self {
        let needs = needs.iter().map(|&(other, condition)| {
            (other.to_owned(), Dependency { condition, required: true, restart: false })
        });
        let service = Service {
            depends_on: needs.collect(),
            healthcheck: like.healthcheck.clone(),
            ..Service::default()
        };
        self.project.services.insert(name.into(), service);
        let labels = BTreeMap::from([(COMPOSE_PROJECT_LABEL.to_owned(), "shop".to_owned())]);
        let container = Container { id: name.into(), labels, ..like };
        self.containers.insert(name.into(), vec![container.clone()]);
        self.engine = self.engine.with_container(container, vec![run]);
        self
    }

    async fn start(&self) -> Result<Launched, Error> {
        let Self { project, engine, containers, options } = self;
        start_and_wait(engine, project, containers, options, &|_| {}).await
    }

    /// Restarts services that run, and what is said of it.
    async fn restart(mut self, services: &[&str]) -> (String, Vec<String>) {
        self.start().await.unwrap();
        for containers in self.containers.values_mut() {
            for container in containers {
                *container = self.engine.container(&container.id).await.unwrap().unwrap();
            }
        }
        self.options.restart = services.iter().map(|&name| name.to_owned()).collect();
        let (begun, said) = (self.engine.timeline().len(), Mutex::new(Vec::new()));
        let listen = |event| {
            if let StartEvent::Warning { service, message } = event {
                said.lock().unwrap().push(format!("{service}: {message}"));
            }
        };
        let Self { project, engine, containers, options } = &self;
        start_and_wait(engine, project, containers, options, &listen).await.unwrap();
        let acts = engine.timeline().split_off(begun);
        let acts: Vec<_> = acts.into_iter().filter(|line| line.contains("restart")).collect();
        (acts.join("\n"), said.into_inner().unwrap())
    }

    /// What came of it, and every start and restart with its time in milliseconds.
    async fn play(&self) -> (Launched, String) {
        let launched = self.start().await.unwrap();
        let acts = self.engine.timeline();
        let acts: Vec<_> = acts.into_iter().filter(|line| !line.contains("exec")).collect();
        (launched, acts.join("\n"))
    }
}

fn runs() -> Run {
    Run::default()
}

fn healthy_after(after: Duration) -> Run {
    Run { verdicts: vec![(after, HealthStatus::Healthy)], ..Run::default() }
}

fn ends(after: Duration, code: i64) -> Run {
    Run { ends: Some((after, code)), log: vec!["last words".into()], ..Run::default() }
}

fn verdict<'a>(launched: &'a Launched, service: &str) -> &'a Verdict {
    &launched.services[service].verdict
}

fn reason(launched: &Launched, service: &str) -> String {
    match verdict(launched, service) {
        Verdict::Failed(failure) => failure.reason.clone(),
        other => format!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_condition_is_waited_for_and_independent_services_start_together() {
    let stage = Stage::new()
        .service("db", &[], healthy_after(ms(2000)))
        .service("cache", &[], runs())
        .service("init", &[("db", Condition::Healthy)], ends(ms(700), 0))
        .service("web", &[("init", Condition::Completed), ("cache", Condition::Started)], runs());
    let (launched, acts) = stage.play().await;
    insta::assert_snapshot!(acts, @r"
       0 start cache
       0 start db
    2000 start init
    2700 start web
    ");
    assert_eq!(*verdict(&launched, "db"), Verdict::Healthy);
    assert_eq!(*verdict(&launched, "init"), Verdict::Completed);
    assert_eq!(*verdict(&launched, "web"), Verdict::Running);
}

#[tokio::test(start_paused = true)]
async fn a_failed_service_leaves_those_that_need_it_and_no_others() {
    let stage = Stage::new()
        .service("init", &[], ends(ms(400), 3))
        .service("web", &[("init", Condition::Completed)], runs())
        .service("beat", &[("web", Condition::Started)], runs())
        .service("other", &[], runs());
    let (launched, acts) = stage.play().await;
    assert!(!acts.contains("web") && !acts.contains("beat"), "{acts}");
    assert_eq!(reason(&launched, "init"), "it ended with code 3");
    let Verdict::Failed(failure) = verdict(&launched, "init") else { unreachable!() };
    assert_eq!(failure.log[0].text, "last words");
    assert_eq!(*verdict(&launched, "web"), Verdict::NotStarted { because: "init".into() });
    assert_eq!(*verdict(&launched, "beat"), Verdict::NotStarted { because: "web".into() });
    assert_eq!(*verdict(&launched, "other"), Verdict::Running);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_service_that_failed_is_recorded_as_it_was() {
    let mut stage = Stage::new()
        .service("init", &[], ends(ms(400), 3))
        .service("web", &[("init", Condition::Completed)], runs())
        .service("edge", &[("init", Condition::Completed)], runs())
        .service("other", &[], runs())
        .service("idle", &[("init", Condition::Completed)], runs());
    let mut known = BTreeMap::new();
    for (name, containers) in &mut stage.containers {
        let service = (COMPOSE_SERVICE_LABEL.to_owned(), name.clone());
        containers[0].labels.extend([service]);
        containers[0].status = Status::Running;
        let code = Some("before".to_owned());
        known.insert(name.clone(), StartedIn { code, ..StartedIn::default() });
    }
    stage.options.restart = ["init", "web", "other"].map(str::to_owned).into();
    stage.options.reload = BTreeMap::from([("edge".to_owned(), false)]);
    let launched = stage.start().await.unwrap();
    let stayed = launched.stayed(&stage.options);
    assert_eq!(stayed, ["edge", "web"].map(str::to_owned).into());
    let containers: Vec<_> = stage.containers.values().flatten().cloned().collect();
    let selected: BTreeSet<_> = stage.containers.keys().cloned().collect();
    let code = selected.iter().map(|name| (name.clone(), "now".to_owned())).collect();
    let (selected, environments) = (&selected, &BTreeMap::new());
    let done = Done { selected, all: true, shape: "", environments, code: &code, stayed: &stayed };
    let after = Record { containers: known, ..Record::default() }.after(&done, &containers);
    for (name, code) in [("web", "before"), ("edge", "before"), ("init", "now"), ("other", "now")] {
        assert_eq!(after.containers[name].code.as_deref(), Some(code), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn our_own_run_of_the_check_is_earlier_than_the_engines() {
    let run = Run { answers_after: Some(ms(500)), ..healthy_after(ms(30_000)) };
    let (launched, _) = Stage::new().service("db", &[], run).play().await;
    assert_eq!(*verdict(&launched, "db"), Verdict::Healthy);
    assert!(launched.services["db"].took < ms(1500), "{:?}", launched.services["db"].took);
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_service_fails_and_one_that_never_answers_does_so_in_the_end() {
    let unhealthy = Run { verdicts: vec![(ms(100), HealthStatus::Unhealthy)], ..Run::default() };
    let silent = Run { answers_after: Some(Duration::from_hours(9)), ..Run::default() };
    let stage = Stage::new().service("a", &[], unhealthy).service("b", &[], silent);
    let (launched, _) = stage.play().await;
    assert_eq!(reason(&launched, "a"), "it is unhealthy");
    assert_eq!(reason(&launched, "b"), "it was not healthy after 190 s");
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_is_a_failure() {
    let like = Container { restart_policy: "unless-stopped".into(), ..Container::default() };
    let (launched, _) = Stage::new().container("web", &[], like, ends(ms(50), 1)).play().await;
    assert_eq!(reason(&launched, "web"), "it ended again and again (3 restarts)");
}

#[tokio::test(start_paused = true)]
async fn what_the_engine_refuses_to_start_is_told_in_its_words() {
    let address = "0.0.0.0:8000".into();
    let refused = StartRefusal::PortInUse { address, message: "taken".into() };
    let run = Run { refused: Some(refused), ..Run::default() };
    let stage = Stage::new().service("web", &[], run).service("db", &[], runs());
    let (launched, _) = stage.play().await;
    assert_eq!(reason(&launched, "web"), "0.0.0.0:8000 is in use: taken");
    assert_eq!(*verdict(&launched, "db"), Verdict::Running);
}

#[tokio::test(start_paused = true)]
async fn running_and_completed_containers_are_left_as_they_are() {
    let like = |status| Container { status, started_at: "before".into(), ..Container::default() };
    let stage = Stage::new()
        .container("db", &[("init", Condition::Completed)], like(Status::Running), runs())
        .container("init", &[], like(Status::Exited), runs());
    let (launched, acts) = stage.play().await;
    assert_eq!(acts, "");
    assert_eq!(*verdict(&launched, "db"), Verdict::Running);
    assert_eq!(*verdict(&launched, "init"), Verdict::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_for_the_new_run_and_for_no_dependency() {
    let check = Healthcheck {
        test: HealthcheckTest::Command(vec!["check".into()]),
        ..Healthcheck::default()
    };
    let like =
        Container { status: Status::Running, healthcheck: Some(check), ..Container::default() };
    let mut stage = Stage::new().service("db", &[], healthy_after(ms(5000))).container(
        "web",
        &[("db", Condition::Healthy)],
        like,
        healthy_after(ms(700)),
    );
    stage.options.restart = BTreeSet::from(["web".into()]);
    let (launched, acts) = stage.play().await;
    insta::assert_snapshot!(acts, @r"
    0 start db
    0 restart web
    ");
    let web = &launched.services["web"];
    assert!(web.had(Renewal::Restarted) && web.took >= ms(700), "{web:?}");
    assert_eq!(web.verdict, Verdict::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_for_a_one_shot_that_does_its_work_again() {
    let like = |status| Container { status, ..Container::default() };
    let mut stage = Stage::new()
        .container("init", &[], like(Status::Exited), ends(ms(400), 0))
        .container("web", &[("init", Condition::Completed)], like(Status::Running), runs());
    stage.options.restart = BTreeSet::from(["init".into(), "web".into()]);
    let (launched, acts) = stage.play().await;
    insta::assert_snapshot!(acts, @r"
      0 restart init
    500 restart web
    ");
    assert_eq!(*verdict(&launched, "init"), Verdict::Completed);
}

#[tokio::test(start_paused = true)]
async fn without_waiting_health_is_not_awaited_and_one_shots_are() {
    let mut stage = Stage::new()
        .service("db", &[], healthy_after(ms(5000)))
        .service("init", &[("db", Condition::Healthy)], ends(ms(400), 0))
        .service("web", &[("init", Condition::Completed)], runs());
    stage.options.wait = false;
    let (launched, acts) = stage.play().await;
    insta::assert_snapshot!(acts, @r"
      0 start db
      0 start init
    400 start web
    ");
    assert_eq!(*verdict(&launched, "db"), Verdict::Waiting);
}

#[tokio::test(start_paused = true)]
async fn services_that_wait_for_each_other_are_named() {
    let stage = Stage::new()
        .service("a", &[("b", Condition::Started)], runs())
        .service("b", &[("c", Condition::Started)], runs())
        .service("c", &[("b", Condition::Started)], runs());
    let error = stage.start().await.unwrap_err();
    assert!(error.to_string().contains("b -> c -> b"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn nothing_waits_for_what_something_else_provides() {
    let mut stage = Stage::new().service("web", &[("cloud", Condition::Healthy)], runs());
    let provided = Service { provider: true, ..Service::default() };
    stage.project.services.insert("cloud".into(), provided);
    stage.containers.insert("cloud".into(), Vec::new());
    stage.options.wait = true;
    let (launched, _) = stage.play().await;
    assert_eq!(*verdict(&launched, "cloud"), Verdict::Completed);
    assert_eq!(*verdict(&launched, "web"), Verdict::Running);
}

#[tokio::test(start_paused = true)]
async fn a_restart_waits_only_for_what_depends_on_it_to_be_restarted() {
    let mut stage = Stage::new()
        .service("db", &[], healthy_after(ms(2000)))
        .service("web", &[("db", Condition::Healthy)], runs())
        .service("worker", &[("db", Condition::Healthy)], runs());
    let web = stage.project.services.get_mut("web").unwrap();
    web.depends_on.get_mut("db").unwrap().restart = true;
    let (acts, said) = stage.restart(&["db", "web", "worker"]).await;
    // The worker beside the database, web once that is healthy again.
    insta::assert_snapshot!(acts, @r"
    3000 restart db
    3000 restart worker
    5100 restart web
    ");
    assert!(said.is_empty(), "{said:?}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_had_to_be_killed_is_named_with_what_to_do() {
    let deaf = |name: &str, caught: &str| Run {
        deaf: Some(format!("Name:\t{name}\nSigIgn:\t0000000000000000\nSigCgt:\t{caught}\n")),
        ..Run::default()
    };
    let like = |seconds| Container {
        stop_timeout: Some(Duration::from_secs(seconds)),
        ..Container::default()
    };
    let killed = Container { stop_signal: Some("SIGKILL".into()), ..like(1) };
    let stage = Stage::new()
        .service("good", &[], runs())
        .service("plain", &[], deaf("python3", "0000000000000000"))
        .container("quick", &[], like(1), deaf("sh", "0000000000000000"))
        // To be killed at once is what it asked for.
        .container("never", &[], like(0), deaf("sh", "0000000000000000"))
        .container("killed", &[], killed, deaf("sh", "0000000000000000"));
    let (_, mut said) = stage.restart(&["good", "killed", "never", "plain", "quick"]).await;
    said.sort();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("plain: it had not ended 10 s after SIGTERM and was killed"));
    assert!(said[0].contains("(`python3`)") && said[0].contains("`init: true`"), "{}", said[0]);
    assert!(said[1].starts_with("quick: it had not ended 1 s after SIGTERM"), "{}", said[1]);
    assert!(said[1].contains("the shell `sh`") && said[1].contains("`exec`"), "{}", said[1]);
}

/// A container that runs, healthy by a run of the check before, whose supervisor answers so.
fn supervised(answer: Option<&str>, run: Run) -> (Container, Run) {
    let check = Healthcheck {
        test: HealthcheckTest::Command(vec!["check".into()]),
        ..Healthcheck::default()
    };
    let health = crate::engine::Health {
        status: HealthStatus::Healthy,
        last_began: "2026-01-01T00:00:00Z".into(),
        ..crate::engine::Health::default()
    };
    let like = Container {
        status: Status::Running,
        healthcheck: Some(check),
        health: Some(health),
        ..Container::default()
    };
    (like, Run { supervisor: answer.map(str::to_owned), ..run })
}

/// After the run of the check above.
const ANSWERED: &str = "1800000000000000000";

#[tokio::test(start_paused = true)]
async fn a_new_run_within_a_container_is_asked_for_and_awaited_by_checks_of_its_own() {
    let answers = Run { answers_after: Some(ms(700)), ..runs() };
    let (like, run) = supervised(Some(&format!("{ANSWERED} done")), answers);
    let mut stage = Stage::new().container("web", &[], like, run);
    stage.options.reload = BTreeMap::from([("web".into(), true)]);
    let launched = stage.start().await.unwrap();
    let acts = stage.engine.timeline();
    assert!(
        acts[0].contains("exec /pyfast/bin/pyfast reload --patience 40 --anew in web"),
        "{acts:?}"
    );
    assert!(!acts.iter().any(|act| act.contains("restart")), "{acts:?}");
    let web = &launched.services["web"];
    assert_eq!((&web.verdict, &web.renewals[..]), (&Verdict::Healthy, &[Renewal::Reloaded][..]));
    assert!(web.took >= ms(700), "the engine's verdict is one of before: {web:?}");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_be_asked_the_container_is_restarted() {
    for answer in [None, Some("nonsense")] {
        let (like, run) = supervised(answer, Run { answers_after: Some(ms(0)), ..runs() });
        let mut stage = Stage::new().container("web", &[], like, run);
        stage.options.reload = BTreeMap::from([("web".into(), false)]);
        let launched = stage.start().await.unwrap();
        let web = &launched.services["web"];
        assert_eq!(
            (&web.verdict, &web.renewals[..]),
            (&Verdict::Healthy, &[Renewal::Restarted][..])
        );
        assert!(stage.engine.timeline().iter().any(|act| act.contains("restart web")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_start_in_its_new_environment_fails_and_runs_on() {
    let said = Run { log: vec!["it does not start: why".into()], ..runs() };
    let (like, run) = supervised(Some(&format!("{ANSWERED} kept")), said);
    let mut stage = Stage::new().container("web", &[], like, run);
    stage.options.reload = BTreeMap::from([("web".into(), false)]);
    let launched = stage.start().await.unwrap();
    assert!(!stage.engine.timeline().iter().any(|act| act.contains("restart")));
    assert_eq!(launched.services["web"].renewals, [Renewal::Stayed]);
    assert!(reason(&launched, "web").contains("runs on in the one before"));
    let Verdict::Failed(failure) = verdict(&launched, "web") else { unreachable!() };
    assert_eq!(failure.log[0].text, "it does not start: why");
}

/// A service whose containers have been started by their policies before, each with what its supervisor answers; those
/// without an answer have ended. All get another run.
async fn mixed(answers: &[Option<&str>], last: Run) -> (Launched, Vec<String>) {
    let mut stage = Stage::new().service("web", &[], runs());
    let mut containers = Vec::new();
    for (at, answer) in answers.iter().enumerate() {
        let labels = BTreeMap::from([(COMPOSE_PROJECT_LABEL.to_owned(), "shop".to_owned())]);
        let status = if answer.is_some() { Status::Running } else { Status::Exited };
        let policy = "always".to_owned();
        let container = Container {
            id: format!("web-{}", at + 1),
            name: format!("web-{}", at + 1),
            labels,
            status,
            restart_count: 2,
            restart_policy: policy,
            ..Container::default()
        };
        let run = if at + 1 == answers.len() { last.clone() } else { runs() };
        let run = Run { supervisor: answer.map(str::to_owned), ..run };
        stage.engine = stage.engine.with_container(container.clone(), vec![run]);
        containers.push(container);
    }
    stage.containers.insert("web".into(), containers);
    stage.options.reload = BTreeMap::from([("web".into(), false)]);
    let launched = stage.start().await.unwrap();
    let acts = acts(&stage).into_iter().filter(|act| act.starts_with("restart")).collect();
    (launched, acts)
}

#[tokio::test(start_paused = true)]
async fn each_container_of_a_service_gets_the_run_that_it_can_have() {
    let done = format!("{ANSWERED} done");
    let (launched, acts) = mixed(&[Some(&done), Some("nonsense"), None], runs()).await;
    let web = &launched.services["web"];
    let renewals = [Renewal::Reloaded, Renewal::Restarted, Renewal::Restarted];
    assert_eq!(web.renewals, renewals);
    assert_eq!(acts, ["restart web-2", "restart web-3"]);
    assert_eq!(web.verdict, Verdict::Running, "what its policy did before is no crash of now");
    let json = web.to_json("web", &[]);
    assert_eq!((&json["reloaded"], &json["restarted"]), (&true.into(), &true.into()));
}

#[tokio::test(start_paused = true)]
async fn one_container_that_stays_hides_nothing_of_the_others() {
    let (done, kept) = (format!("{ANSWERED} done"), format!("{ANSWERED} kept"));
    let last = Run { log: vec!["it does not start: why".into()], ..runs() };
    let (launched, acts) = mixed(&[None, Some(&done), Some(&kept)], last).await;
    let web = &launched.services["web"];
    assert_eq!(web.renewals, [Renewal::Restarted, Renewal::Reloaded, Renewal::Stayed]);
    assert_eq!(acts, ["restart web-1"]);
    assert!(reason(&launched, "web").contains("runs on in the one before"));
    let Verdict::Failed(failure) = &web.verdict else { unreachable!() };
    assert_eq!(failure.log[0].text, "it does not start: why", "its own words, not another one's");
    assert_eq!(launched.stayed(&StartOptions::default()), BTreeSet::from(["web".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn what_one_container_is_refused_keeps_the_others_watched_and_all_failures_are_told() {
    let (done, kept) = (format!("{ANSWERED} done"), format!("{ANSWERED} kept"));
    let crashes = Run { ends: Some((ms(400), 3)), log: vec!["no database".into()], ..runs() };
    let (launched, _) = mixed(&[Some(&kept), Some(&done), Some(&kept), None], crashes).await;
    let web = &launched.services["web"];
    let Verdict::Failed(failure) = &web.verdict else { unreachable!() };
    assert_eq!(failure.containers, ["web-1", "web-3"]);
    assert!(failure.reason.contains("runs on in the one before"), "{failure:?}");
    let [other] = &failure.also[..] else { panic!("{failure:?}") };
    assert_eq!(other.containers, ["web-4"]);
    assert!(other.reason.contains("again and again"), "{other:?}");
    assert_eq!(other.log[0].text, "no database");
    let expected = [Renewal::Stayed, Renewal::Reloaded, Renewal::Stayed, Renewal::Restarted];
    assert_eq!(web.renewals, expected);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_start_is_not_started_where_a_container_was_refused() {
    let refused = StartRefusal::CommandNotFound { message: "no such file".into() };
    let mut stage = Stage::new().service("web", &[], runs()).service(
        "late",
        &[("web", Condition::Started)],
        runs(),
    );
    let second = Container { id: "web-2".into(), ..stage.containers["web"][0].clone() };
    let run = Run { refused: Some(refused), ..runs() };
    stage.engine = stage.engine.with_container(second.clone(), vec![run]);
    stage.containers.get_mut("web").unwrap().push(second);
    let (launched, acts) = stage.play().await;
    assert!(!acts.contains("start late"), "{acts}");
    assert_eq!(*verdict(&launched, "late"), Verdict::NotStarted { because: "web".into() });
    assert_eq!(launched.failed().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_was_killed_for_a_new_run_is_named() {
    let (like, run) = supervised(
        Some(&format!("{ANSWERED} killed")),
        Run { answers_after: Some(ms(0)), ..runs() },
    );
    let like = Container { stop_timeout: Some(ms(3000)), ..like };
    let mut stage = Stage::new().container("web", &[], like, run);
    stage.options.reload = BTreeMap::from([("web".into(), false)]);
    let said = Mutex::new(Vec::new());
    let listen = |event| {
        if let StartEvent::Warning { message, .. } = event {
            said.lock().unwrap().push(message);
        }
    };
    let Stage { project, engine, containers, options } = &stage;
    start_and_wait(engine, project, containers, options, &listen).await.unwrap();
    let said = said.into_inner().unwrap().join("\n");
    assert!(said.starts_with("it had not ended 3 s after SIGTERM and was killed"), "{said}");
    assert!(said.contains("`stop_grace_period`"), "{said}");
}

/// A service whose containers run `first` and `second` when they have been started, and `drain` before they end.
fn hooked(status: Status, run: Run) -> Stage {
    let hook = |command: &str| crate::compose_file::Hook {
        command: vec![command.to_owned()],
        ..crate::compose_file::Hook::default()
    };
    let like = Container { status, ..Container::default() };
    let mut stage = Stage::new().container("web", &[], like, run);
    let web = stage.project.services.get_mut("web").unwrap();
    web.post_start = vec![hook("first"), hook("second")];
    web.pre_stop = vec![hook("drain")];
    stage
}

/// Without the milliseconds.
fn acts(stage: &Stage) -> Vec<String> {
    let timeline = stage.engine.timeline();
    timeline.iter().map(|line| line.trim_start().split_once(' ').unwrap().1.to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn hooks_are_run_around_starts_and_restarts_in_their_order() {
    let well = || Run { answers_after: Some(ms(0)), ..runs() };
    let stage = hooked(Status::Created, well());
    assert_eq!(*verdict(&stage.start().await.unwrap(), "web"), Verdict::Running);
    assert_eq!(acts(&stage), ["start web", "exec first in web", "exec second in web"]);
    let mut stage = hooked(Status::Running, well());
    stage.start().await.unwrap();
    assert!(acts(&stage).is_empty(), "what runs has been started");
    stage.options.restart = BTreeSet::from(["web".into()]);
    stage.start().await.unwrap();
    let expected = ["exec drain in web", "restart web", "exec first in web", "exec second in web"];
    assert_eq!(acts(&stage), expected);
    // What does not run has no end to prepare.
    let mut stage = hooked(Status::Exited, well());
    stage.options.restart = BTreeSet::from(["web".into()]);
    stage.start().await.unwrap();
    assert_eq!(acts(&stage)[0], "restart web");
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_is_the_services_failure_and_the_first_one_the_last() {
    let stage = hooked(Status::Created, runs());
    let launched = stage.start().await.unwrap();
    assert_eq!(acts(&stage), ["start web", "exec first in web"]);
    assert_eq!(reason(&launched, "web"), "its `post_start` failed: `first` ended with 1: ");
    let mut stage = hooked(Status::Running, runs());
    stage.options.restart = BTreeSet::from(["web".into()]);
    let launched = stage.start().await.unwrap();
    assert_eq!(acts(&stage), ["exec drain in web"], "it goes on");
    assert_eq!(launched.services["web"].renewals, [Renewal::Stayed]);
    assert!(reason(&launched, "web").starts_with("its `pre_stop` failed"));
}
