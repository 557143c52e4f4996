// The folders of a run's checkpoints: their names, which of them this program made, putting one in place and taking it
// away. Nothing that this program did not make is ever removed or overwritten: what is in the way is set aside under
// another name, with a warning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/file.h"

namespace espalier {

// "step-00000120": at least eight digits.
std::string folder_name(int64_t step);
// The step of a path whose last part is exactly a folder_name(); nothing for any other, "step-00000120.bak" among them.
std::optional<int64_t> step_of(const fs::path& dir);
// The folders (and links to folders) with such a name, by rising step. Empty when there is no `checkpoints_dir`.
std::vector<fs::path> checkpoint_dirs(const fs::path& checkpoints_dir);

// Whether this program made the folder: it is no link, has such a name, and a manifest of ours for that step. Its other
// files may be damaged.
bool is_own(const fs::path& dir);
// Removes such a folder. It loses its name first, for sure, and its manifest last: interrupted at any point, by a power
// cut as well, nobody takes the rest for a checkpoint, and remove_leftovers() knows it for ours. False, and a warning,
// when it has not lost its name: then it is whole.
bool remove_own(const fs::path& dir);
// Gives a path that is in the way another name, "<name>.aside", and says so. Throws Error(checkpoint).
fs::path set_aside(const fs::path& path);

// The name to write a checkpoint under before it is whole, "<name>.tmp", with nothing there. Throws Error(checkpoint).
fs::path fresh_temporary(const fs::path& final_dir);
// Renames `temporary` to `final_dir`, for sure when it returns. An own folder of that name changes places with it in
// one operation, or nearly so where the file system cannot do that, and is removed. Throws Error(checkpoint).
void put_in_place(const fs::path& temporary, const fs::path& final_dir);

// For whoever holds the lock of the run folder: completes what put_in_place() was interrupted in.
void restore_replaced(const fs::path& checkpoints_dir);
// Likewise: removes what an interrupted save or removal left.
void remove_leftovers(const fs::path& checkpoints_dir);

}  // namespace espalier
