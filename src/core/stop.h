/// Ctrl-C, SIGTERM and SIGUSR1 (what batch systems send ahead of the end) ask for an orderly end: the program
/// finishes what it is at, saves and exits.
#pragma once

namespace seqvit {

/// Installs handlers for SIGINT, SIGTERM and SIGUSR1 (and ignores SIGXFSZ, so that a file-size limit is an
/// error of the write). A second SIGINT ends the program at once.
void install_stop_handlers();

/// True once a signal has asked the program to stop.
bool stop_requested();

/// Throws Error(success) "stopped" if so: for work that leaves nothing to save.
void throw_if_stopped();

/// Forgets the request: for a program that goes on, and for tests of stopping.
void clear_stop_request();

}  // namespace seqvit
