espalier_method_test(width_methods_test
  SOURCES net2net_test.cpp bert2bert_test.cpp gradient_moments_test.cpp lemon_test.cpp staged_test.cpp zero_test.cpp msg_test.cpp stages_test.cpp
    preserving_test.cpp
  PLUGINS net2net bert2bert lemon staged zero msg)
