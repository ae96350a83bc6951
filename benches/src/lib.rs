//! Measures rotabox beside what it replaces, and guards what noise cannot move.
//!
//! | module | what |
//! | --- | --- |
//! | `stand_ins` | the providers, in a process of their own, over TLS |
//! | `scene` | policies, pages, params; a job for each contestant |
//! | `measure` | one run from outside: wall time, CPU, page faults |
//! | `trace` | one run under ptrace: system calls, files, processes, threads, peak memory |
//! | `batch` | many lines: rates, memory, growth |
//! | `order` | which functions a run calls |
//! | `compare` | all of them, interleaved, and the tables |
//! | `guards` | counts with budgets, for CI |
//! | `goals` | what must be reached, and what is aimed at |
//! | `figures`, `machine` | medians and tables; what it was measured on |

pub mod batch;
pub mod compare;
pub mod figures;
pub mod goals;
pub mod guards;
pub mod machine;
pub mod measure;
pub mod order;
pub mod scene;
pub mod stand_ins;
pub mod trace;
