//! Whose a name is, from the inside out, while steps are made. Must not know what happens with it.

use rustc_hash::FxHashSet;

use crate::outline::Name;

/// What has names of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Function,
    /// Its names are not seen from functions inside.
    Class,
    Comprehension,
    /// The parameters of a type or function, for its annotations and bases; the class around it is still seen.
    TypeParams,
}

#[derive(Debug)]
struct Scope {
    owner: Owner,
    names: FxHashSet<Name>,
    /// Declared to be the module's.
    globals: FxHashSet<Name>,
}

/// The scopes around the place that is read; the module has none.
#[derive(Debug, Default)]
pub(super) struct Scoping {
    open: Vec<Scope>,
}

impl Scoping {
    pub(super) fn enter(&mut self, owner: Owner, names: FxHashSet<Name>, globals: FxHashSet<Name>) {
        self.open.push(Scope { owner, names, globals });
    }

    pub(super) fn leave(&mut self) {
        self.open.pop();
    }

    /// Whether a name that is read is not the module's.
    pub(super) fn is_local(&self, name: &str) -> bool {
        let is_own = |scope: &Scope| scope.owner != Owner::TypeParams;
        let innermost = self.open.iter().rposition(is_own).unwrap_or_default();
        for (at, scope) in self.open.iter().enumerate().rev() {
            if scope.owner == Owner::Class && at != innermost {
                continue;
            }
            if scope.globals.contains(name) {
                return false;
            }
            if scope.names.contains(name) {
                return true;
            }
        }
        false
    }

    /// Whether a class around has a name, which is not seen from what is inside of it.
    pub(super) fn is_of_class(&self, name: &str) -> bool {
        let has = |scope: &Scope| scope.owner == Owner::Class && scope.names.contains(name);
        self.open.iter().any(has)
    }

    /// Whether a name that is bound is not the module's; comprehensions bind around themselves.
    pub(super) fn binds_local(&self, name: &str) -> bool {
        let around = self
            .open
            .iter()
            .rev()
            .find(|scope| !matches!(scope.owner, Owner::Comprehension | Owner::TypeParams));
        around.is_some_and(|scope| !scope.globals.contains(name))
    }

    pub(super) fn is_module(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn is_in_class(&self) -> bool {
        self.open.last().is_some_and(|scope| scope.owner == Owner::Class)
    }
}
