//! What to do about a comparison that cannot be made.

use pyfast_bench::Error as BenchError;
use pyfast_packaging::safe_url::redact;

use super::{Code, Failure};

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        if matches!(error, BenchError::Interrupted) {
            return Self::interrupted();
        }
        let mut failure = Self::from_error("bench", &error, Code::Mendable);
        failure.hints.extend(hint(&error).map(str::to_owned));
        // Programs that are called say what they were called with.
        failure.message = redact(&failure.message);
        for cause in &mut failure.causes {
            *cause = redact(cause);
        }
        failure
    }
}

fn hint(error: &BenchError) -> Option<&'static str> {
    match error {
        BenchError::NoRequirements => Some("give one with -r FILE"),
        BenchError::NoPython => Some("name one with --python PATH"),
        BenchError::NothingToAdd => Some("name another with --add REQUIREMENT"),
        BenchError::NoImage => Some("name one that has Python with --image IMAGE"),
        BenchError::ContainerAlone { .. } => Some("leave the other scenarios and --svg out"),
        BenchError::Alone { .. } => Some("leave the other scenarios out"),
        BenchError::NothingRuns => Some("leave --whole-project, --edit and --import out"),
        BenchError::OwnRequirements { .. } => Some("leave -r out"),
        BenchError::NoClient => Some("install the Docker client, or correct PATH"),
        BenchError::NoCompose => Some("install Docker's Compose plugin or `docker-compose`"),
        BenchError::IndexSecret => Some("use --local-mirror, or leave uv out with --vs pip"),
        BenchError::MirrorIndex => Some("give --index-url URL"),
        BenchError::OtherImage { .. } => Some("limit what differs in the requirements"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_addresses_and_of_programs_are_not_shown() {
        let elsewhere = BenchError::EngineElsewhere { host: "tcp://u:secret@h:1".to_owned() };
        let step = BenchError::Step {
            step: "docker build".to_owned(),
            message: "looked at http://u:secret@h/simple".to_owned(),
        };
        for error in [elsewhere, step] {
            let failure = Failure::from(error);
            let text = format!("{failure} {:?}", failure.causes());
            assert!(!text.contains("secret") && text.contains("@h"), "{text}");
        }
    }
}
