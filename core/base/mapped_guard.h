// Memory maps of files that become shorter, or whose disk fails, while they are read: the kernel answers with SIGBUS.
#pragma once

namespace espalier {

// Calls `read(argument)`, which may touch memory maps and must neither allocate, lock, own anything nor call this
// again: false when it hit a page that its file no longer has. Any thread. A SIGBUS outside of such a call names the
// file on stderr and ends the process with exit code 3; one that no map of a file explains goes on to the handler that
// was there before.
bool read_guarded(void (*read)(void*), void* argument);
// Installs the handler, once for the process; maps do it when they are made.
void guard_maps();

}  // namespace espalier
