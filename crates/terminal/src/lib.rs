//! Text as a terminal can show it: nothing in it steers the terminal, and it fits. Begin at [`Line`], words in styles
//! that are data until everything has been escaped ([`escaped`]). A [`View`] is the one line in which the progress of
//! many wheels is shown. Text in, text out: writes nowhere of itself, asks for neither time nor width, knows no word of any
//! command.

mod escape;
mod excerpt;
mod figures;
mod line;
mod stream;
mod view;

pub use escape::{Form, escaped};
pub use excerpt::excerpt;
pub use figures::{count, counts, duration, moment, parse_size, table, titled};
pub use line::{Line, bold, dim, green, paint, red};
pub use stream::Escaping;
pub use view::View;
