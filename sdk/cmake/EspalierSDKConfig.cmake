# find_package(EspalierSDK): the target espalier::sdk and the function espalier_add_plugin().
include(${CMAKE_CURRENT_LIST_DIR}/EspalierSDKTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/cmake/EspalierPlugin.cmake)
