//! fanin
