//! What a module does when it is imported, as far as a check needs it: small steps in their order. Must not know syntax
//! trees, nor which modules there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use char_str::CharStr;

/// Where something stands in its file's text.
pub(crate) type Offset = u32;

/// A name. Files have very many of them, most of them short: those are kept where they are, and others shared.
pub(crate) type Name = CharStr;

/// A name with the attributes that are asked of it: `a.b.c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Name);

impl Path {
    /// These names with dots between them.
    pub(crate) fn new(dotted: impl Into<Name>) -> Self {
        Self(dotted.into())
    }

    /// The same with one more attribute.
    pub(crate) fn with(&self, attribute: &str) -> Self {
        Self(Name::join(&[&*self.0, attribute], "."))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn names(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.split('.')
    }

    pub(crate) fn first(&self) -> &str {
        self.split_first().0
    }

    pub(crate) fn last(&self) -> &str {
        self.split_last().map_or_else(|| self.as_str(), |(_, last)| last)
    }

    /// The name, and the attributes that are asked of it.
    pub(crate) fn split_first(&self) -> (&str, Option<&str>) {
        match self.0.split_once('.') {
            Some((first, others)) => (first, Some(others)),
            None => (&self.0, None),
        }
    }

    /// The last attribute, and what it is asked of; a name alone is asked of nothing.
    pub(crate) fn split_last(&self) -> Option<(&str, &str)> {
        self.0.rsplit_once('.')
    }
}

/// All that a file says.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// What runs at import.
    pub(crate) body: Vec<Step>,
    /// Every function of it, methods and inner ones too; steps name them by their place here.
    pub(crate) functions: Vec<Function>,
    /// Its names can come and go in ways that are not read here.
    pub(crate) is_open: bool,
    /// It has calls that import what is not read here.
    pub(crate) has_unseen_imports: bool,
    /// Names that functions of it declare to be the module's.
    pub(crate) globals: Vec<Name>,
    /// Dictionaries that configure logging, by the names of those that nothing else uses.
    pub(crate) configurations: BTreeMap<String, Arc<Logging>>,
}

/// A function's body.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) at: Offset,
    pub(crate) body: Vec<Step>,
    /// Whether a call runs the body as it is written: no generator, not async, no decorators.
    pub(crate) is_plain: bool,
    /// It looks whether something is there.
    pub(crate) asks: bool,
}

/// One thing that happens. Files have very many of them, so that what is large is behind a pointer.
#[derive(Debug)]
pub(crate) enum Step {
    Import(Import),
    From(From),
    /// A name gets a value.
    Bind(Bind),
    Unbind(Unbind),
    /// A name is read, and attributes of it.
    Use(Use),
    /// An attribute of something is set.
    SetAttribute(Use),
    /// To these texts.
    SetTexts(SetTexts),
    /// A function that a decorator of a framework's serves takes this of a form.
    TakesForm(Use),
    Call(Box<Call>),
    /// `x["key"]` is read.
    Item(Item),
    /// A number is made of `x["key"]`, or of what `x("key")` gives.
    Number(Item),
    /// `x["key"]` is set.
    SetItem(Item),
    /// One of two.
    Branch {
        test: Box<Test>,
        then: Vec<Step>,
        otherwise: Vec<Step>,
    },
    /// Runs any number of times; once at least if `is_endless`.
    Loop {
        body: Vec<Step>,
        orelse: Vec<Step>,
        is_endless: bool,
    },
    Try(Box<Try>),
    Class(Box<Class>),
    /// What of an expression may be left out: after `and`, in a comprehension.
    Perhaps(Vec<Step>),
    /// The rest of the block is not reached.
    Stop(Stop),
    /// The search path, or the table of modules, changes in a way that is not read here.
    OpensModules,
}

/// How a block ends before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// `return`, `break`, `continue`.
    Leaves,
    /// `raise`, with the exception's name if it is told; none raises again what is handled.
    Raises(Option<Name>),
    /// The process ends, and all may be well.
    Exits,
    /// The process ends as one that failed.
    Refuses,
}

/// `import a.b.c as d`.
#[derive(Debug, Clone)]
pub(crate) struct Import {
    pub(crate) module: Name,
    pub(crate) alias: Option<Name>,
    pub(crate) at: Offset,
    pub(crate) is_local: bool,
}

impl Import {
    /// The name that is bound.
    pub(crate) fn bound(&self) -> &str {
        let first = self.module.split('.').next().unwrap_or_default();
        self.alias.as_deref().unwrap_or(first)
    }
}

/// `from ..a import b as c`.
#[derive(Debug, Clone)]
pub(crate) struct From {
    pub(crate) level: u32,
    pub(crate) module: Name,
    pub(crate) at: Offset,
    /// Empty for `*`.
    pub(crate) names: Vec<Imported>,
    pub(crate) is_local: bool,
}

/// One name of a `from`.
#[derive(Debug, Clone)]
pub(crate) struct Imported {
    pub(crate) name: Name,
    pub(crate) alias: Option<Name>,
    pub(crate) at: Offset,
}

impl Imported {
    /// The name that is bound.
    pub(crate) fn bound(&self) -> &Name {
        self.alias.as_ref().unwrap_or(&self.name)
    }
}

/// A name and what it gets.
#[derive(Debug, Clone)]
pub(crate) struct Bind {
    pub(crate) name: Name,
    pub(crate) value: Bound,
    /// In a function: not the module's name.
    pub(crate) is_local: bool,
}

/// A name that is unbound again.
#[derive(Debug, Clone)]
pub(crate) struct Unbind {
    pub(crate) name: Name,
    pub(crate) at: Offset,
    /// By the end of the `except` that gave it its exception.
    pub(crate) is_handled: bool,
}

/// What a name gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    Anything,
    Function(usize),
    /// Another name, or an attribute.
    Alias(Path),
    /// A list or tuple of strings: `__all__` counts. `adds`: to what it was.
    Strings {
        items: Vec<Name>,
        adds: bool,
    },
    /// A text that may be the name of a module or of something in one.
    Text(Name),
    /// A dictionary that configures logging.
    Logging(Arc<Logging>),
    /// `None`.
    Nothing,
    /// What a condition comes to.
    Tested(Box<Test>),
}

#[derive(Debug, Clone)]
pub(crate) struct Use {
    pub(crate) path: Path,
    /// Where the first name begins.
    pub(crate) start: Offset,
    /// Where the last one does.
    pub(crate) at: Offset,
    /// The first name is not the module's.
    pub(crate) is_local: bool,
    /// A class around has it, which is not seen from here.
    pub(crate) is_hidden: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) called: Use,
    /// The first argument, if it is a text.
    pub(crate) text: Option<Name>,
    /// How many arguments there are.
    pub(crate) arguments: usize,
    /// Names of those that are given by name; `**` as an empty one.
    pub(crate) keywords: Vec<Name>,
    /// Of these, lists of texts.
    pub(crate) lists: Vec<List>,
    /// What a call of `dictConfig` is given.
    pub(crate) configures: Option<Configures>,
}

/// What configures logging.
#[derive(Debug, Clone)]
pub(crate) enum Configures {
    /// A dictionary that is written out there.
    Here(Arc<Logging>),
    /// A name of the module.
    Named(Name),
}

/// An attribute that is set to a list of texts.
#[derive(Debug, Clone)]
pub(crate) struct SetTexts {
    pub(crate) of: Use,
    pub(crate) items: Vec<Name>,
}

/// What a dictionary for `logging.config.dictConfig` names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Logging {
    /// Classes and functions that make its parts.
    pub(crate) classes: Vec<Said>,
    /// What it uses and does not have.
    pub(crate) unheld: Vec<Unheld>,
}

/// A text, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) at: Offset,
}

/// A part of a configuration that another part names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unheld {
    pub(crate) kind: &'static str,
    pub(crate) name: Said,
}

/// An argument by name that is a list of texts.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) name: Name,
    pub(crate) items: Vec<Name>,
}

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) of: Use,
    pub(crate) key: Option<Name>,
}

/// What decides a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    Known(bool),
    Unknown,
    /// Whether something is there is asked first, so that what follows is nobody's fault.
    Asks,
    /// `__name__ == "__main__"`.
    IsMain(bool),
    /// Whether a name is true.
    Name(Named),
    /// Whether it is `None`.
    IsNone(Named),
    /// Something else that hangs on names.
    Of(Vec<Named>),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
}

/// A name that a condition reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) path: Path,
    /// It is not the module's.
    pub(crate) is_local: bool,
}

#[derive(Debug)]
pub(crate) struct Try {
    pub(crate) body: Vec<Step>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) orelse: Vec<Step>,
    pub(crate) finally: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct Handler {
    /// Names of what it catches, the last parts of paths; `None` for all.
    pub(crate) catches: Option<Vec<Name>>,
    pub(crate) body: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: Name,
    pub(crate) body: Vec<Step>,
    pub(crate) is_local: bool,
    pub(crate) bases: Vec<Path>,
    pub(crate) fields: Vec<Field>,
    /// Settings of the class itself, by name: `model_config = SettingsConfigDict(env_prefix="X_")`, `class Config`.
    pub(crate) config: Vec<Keyword>,
    pub(crate) is_plain: bool,
    pub(crate) at: Offset,
}

/// An argument by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Keyword {
    pub(crate) name: String,
    pub(crate) value: Literal,
}

/// What a value is, as far as it is written out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    True,
    False,
    None,
    Other,
}

/// A field of a class with an annotation.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) at: Offset,
    pub(crate) has_default: bool,
    /// Names of environment variables that are given for it.
    pub(crate) aliases: Vec<String>,
    /// The annotation's text.
    pub(crate) annotation: String,
    /// What it is set to is more than can be told.
    pub(crate) is_open: bool,
}
