//! A scripted double.
