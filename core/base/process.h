// What a process must set right about what it inherited, before anything else.
#pragma once

namespace espalier {

// First thing in main(). Standard streams that are closed are opened on /dev/null, so that no file gets their numbers
// and what is printed for people: a closed stdout for reading only, so that what a verb prints fails as it should.
// SIGXFSZ is ignored: a file that grows too large is an error of the write (EFBIG). SIGCHLD is not ignored: children
// that are not waited for cannot tell how they ended.
void prepare_process();

}  // namespace espalier
