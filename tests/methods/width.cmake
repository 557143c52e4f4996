espalier_method_test(width_methods_test
  SOURCES net2net_test.cpp bert2bert_test.cpp lemon_test.cpp staged_test.cpp zero_test.cpp msg_test.cpp stages_test.cpp
    preserving_test.cpp
  PLUGINS net2net bert2bert lemon staged zero msg)
# Tensors are tiny here: a second thread only waits, and costs seven times the run.
set_tests_properties(width_methods_test PROPERTIES ENVIRONMENT OMP_NUM_THREADS=1)
