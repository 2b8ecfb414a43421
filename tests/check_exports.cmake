# SPDX-License-Identifier: Apache-2.0
# A connector exports its one function and needs no library but the C library, the only one that its
# worker has. NM, OBJDUMP and CONNECTOR (a file) are given with -D.
foreach(name NM OBJDUMP CONNECTOR)
    if(NOT ${name})
        message(FATAL_ERROR "${name} is not given")
    endif()
endforeach()

execute_process(COMMAND ${NM} -D --defined-only --format=posix ${CONNECTOR}
    OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE " [^\n]*\n" ";" names "${symbols}")
list(REMOVE_ITEM names "")
if(NOT names STREQUAL "fastenr_connector")
    message(FATAL_ERROR "${CONNECTOR} exports '${names}', not fastenr_connector alone")
endif()

execute_process(COMMAND ${OBJDUMP} -p ${CONNECTOR}
    OUTPUT_VARIABLE headers COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "NEEDED +[^\n]+" needed "${headers}")
foreach(entry IN LISTS needed)
    if(NOT entry MATCHES "NEEDED +libc\\.")
        message(FATAL_ERROR "${CONNECTOR}: ${entry}")
    endif()
endforeach()
