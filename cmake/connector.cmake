# SPDX-License-Identifier: Apache-2.0
# fastenr_connector(NAME source...): a connector, built from the SDK alone.
function(fastenr_connector name)
    add_library(${name} MODULE ${ARGN})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/sdk/include)
    target_link_libraries(${name} PRIVATE fastenr_flags)
    target_link_options(${name} PRIVATE -Wl,--no-undefined)
    set_property(GLOBAL APPEND PROPERTY FASTENR_CONNECTORS ${name})
    set_target_properties(${name} PROPERTIES PREFIX ""
        LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${FASTENR_CONNECTOR_DIR})
endfunction()
