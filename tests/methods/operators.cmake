espalier_method_test(operator_methods_test SOURCES ligo_test.cpp PLUGINS ligo stack)
