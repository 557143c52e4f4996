# cmake -DSDK=<sdk folder> -DWORK=<scratch folder> -P install_test.cmake
# Installs the SDK alone, then builds the template project against the installed copy, as a plugin author would.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGV}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} -S ${SDK} -B ${WORK}/sdk -G Ninja)
run(${CMAKE_COMMAND} --install ${WORK}/sdk --prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} -S ${WORK}/prefix/share/espalier/template -B ${WORK}/plugin -G Ninja
    -DCMAKE_PREFIX_PATH=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/plugin)
foreach(name repeat-top steady)
  if(NOT EXISTS ${WORK}/plugin/lib/espalier/plugins/${name}.so)
    message(FATAL_ERROR "${name}.so was not built")
  endif()
endforeach()
