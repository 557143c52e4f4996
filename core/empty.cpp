// Carries a precompiled header; see CMakeLists.txt.
