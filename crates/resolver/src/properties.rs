//! Properties that hold for every input, tried on random ones: of the solver over small worlds, of
//! ranges, and of everything that reads what others wrote.

mod parsers;
mod ranges;
mod universes;
mod worlds;
