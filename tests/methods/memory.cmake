espalier_method_test(growth_memory_test
  SOURCES memory_test.cpp
  PLUGINS midas stack net2net bert2bert lemon zero staged msg ligo)
