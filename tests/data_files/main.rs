//! `ergodic::data::load` on files: sound ones of every format, hostile ones, and random damage.

mod damage;
mod formats;
mod hostile;
mod support;
