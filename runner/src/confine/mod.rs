//! What a process gives up before it reads anything.
