//! What goes to `bin/`: scripts made from entry points, and programs that wheels bring.

use std::collections::BTreeMap;
use std::io::Read as _;

use pyfast_packaging::hash::Sha256;

use super::Planner;
use super::sources::Source;
use crate::error::Error;
use crate::link::{Clash, RealMode, activation, scripts};

/// A file that goes to `bin/`.
pub(super) struct Program {
    pub(super) source: usize,
    pub(super) sha256: Sha256,
    pub(super) size: u64,
    made: Made,
}

/// How it comes there.
enum Made {
    /// With this content.
    Written(Vec<u8>),
    /// As the stored file, which is a script that somebody may edit, or a binary.
    Stored { inside: String, script: bool },
}

impl Program {
    fn written(source: usize, content: Vec<u8>) -> Self {
        let (sha256, size) = (Sha256::of(&content), content.len() as u64);
        Self { source, sha256, size, made: Made::Written(content) }
    }
}

impl Planner<'_> {
    /// Every program, by name; where two packages have one of a name, the later wins.
    pub(super) fn programs(&mut self, python: &str) -> Result<BTreeMap<String, Program>, Error> {
        let mut programs: BTreeMap<String, Program> = BTreeMap::new();
        for (index, source) in self.sources.iter().enumerate() {
            let mut own: BTreeMap<String, Program> = BTreeMap::new();
            for name in &source.manifest.scripts {
                own.insert(name.clone(), brought(source, index, name, python)?);
            }
            for point in &source.manifest.entry_points {
                let content = scripts::launcher(python, point);
                own.insert(point.name.clone(), Program::written(index, content));
            }
            for (name, program) in own {
                if activation::is_own(&name) {
                    let package = self.name(index);
                    self.warnings.push(format!(
                        "{package} provides a script named {name}, which is left out: the environment has its own"
                    ));
                    continue;
                }
                let digest = program.sha256;
                if let Some(loser) = programs.insert(name.clone(), program) {
                    self.clashes.push(Clash {
                        path: format!("bin/{name}"),
                        winner: self.name(index),
                        loser: self.name(loser.source),
                        equal: loser.sha256 == digest,
                    });
                }
            }
        }
        Ok(programs)
    }

    pub(super) fn place_programs(
        &mut self,
        programs: &BTreeMap<String, Program>,
    ) -> Result<(), Error> {
        for (name, program) in programs {
            let path = format!("bin/{name}");
            self.take(&path, program.source)?;
            match &program.made {
                Made::Stored { inside, script } => {
                    let mode = if *script { RealMode::Copy } else { self.mode };
                    self.real(path, program.source, inside, mode);
                }
                Made::Written(content) => self.file(path, content.clone(), true),
            }
        }
        Ok(())
    }
}

/// A program of a wheel's own; what has the placeholder for the interpreter is rewritten. Of a binary, which may
/// be large, only the beginning is read.
fn brought(source: &Source<'_>, index: usize, name: &str, python: &str) -> Result<Program, Error> {
    let inside = format!("data/scripts/{name}");
    if let Some(content) = source.rewritten.get(&inside) {
        return Ok(Program::written(index, content.clone()));
    }
    let (file, _) = source.wheel()?.open(&inside)?.ok_or_else(|| source.missing(&inside))?;
    let mut begin = Vec::new();
    let place = source.wheel()?.path().join(&inside);
    file.take(2).read_to_end(&mut begin).map_err(Error::io("read", &place))?;
    let script = begin == b"#!";
    if script && let Some(content) = scripts::rewrite(python, &source.content(&inside)?) {
        return Ok(Program::written(index, content));
    }
    let stored = source.file(&inside)?;
    let (sha256, size) = (stored.sha256, stored.size);
    Ok(Program { source: index, sha256, size, made: Made::Stored { inside, script } })
}
