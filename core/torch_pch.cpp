// Carries the precompiled ATen header; see CMakeLists.txt.
