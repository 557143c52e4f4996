espalier_method_test(step_methods_test
  SOURCES layerdrop_test.cpp pld_test.cpp raptr_test.cpp raptr_width_test.cpp
  PLUGINS layerdrop pld raptr)
