espalier_method_test(depth_methods_test SOURCES midas_test.cpp PLUGINS midas stack)
