espalier_method_test(depth_methods_test
  SOURCES cgls_test.cpp midas_test.cpp one_layer_test.cpp stack_test.cpp
  PLUGINS cgls midas one-layer stack)
target_link_libraries(depth_methods_test PRIVATE espalier_optim)
