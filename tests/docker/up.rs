//! `pyfast up` and the commands beside it on compose projects. Knows what users see of containers; must not know how
//! it comes about.

mod compose_files;
mod daily;
mod failing;
mod hooks;
mod interrupting;
mod json;
mod moving;
mod planning;
mod plugin;
mod stopping;
mod supervised;
mod unconfigured;
