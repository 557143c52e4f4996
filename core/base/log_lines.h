// Log lines before there is a file for them.
#pragma once

namespace espalier {

// Lines from now on are kept in memory, for log_to_file() to write first: a run's folder is not written to before the
// run may begin.
void keep_log_lines();

}  // namespace espalier
