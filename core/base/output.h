// The program's own standard output: tables, JSON and generated text. Foreign code in the process may print whenever it
// likes; none of that may get between.
#pragma once

#include <ostream>

namespace espalier {

// Keeps the standard output to ourselves: from now on descriptor 1, and with it printf() and std::cout of every library
// in this process, leads to the standard error. Once, at the start of main(), before any thread. Without it output()
// writes to descriptor 1.
void take_standard_output();

// Where the program prints. One thread at a time.
std::ostream& output();

// Writes what is still held back. Throws Error(config) when anything could not be written: a full disk, a closed
// pipe.
void finish_output();

}  // namespace espalier
