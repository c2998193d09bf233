#pragma once

/// Marks what `libklamm` exports; all else is hidden, so that what klamm is made of can't meet the same names in a program.
#define KLAMM_API [[gnu::visibility("default")]]
/// Exported for `libklamm-testing` of the same build only.
#define KLAMM_TESTING_API KLAMM_API

namespace klamm::inline v0 {

/// The version of the library that the program runs with, such as "0.1.0".
KLAMM_API const char* version();

}  // namespace klamm::inline v0
