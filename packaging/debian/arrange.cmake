# SPDX-License-Identifier: Apache-2.0
# Run by cpack between installing into its folder and packing that: what Debian wants otherwise than
# `cmake --install` puts it.
set(top ${CPACK_TEMPORARY_DIRECTORY})
set(source ${CMAKE_CURRENT_LIST_DIR}/..)
set(host ${top}/host)
set(dev ${top}/dev)

function(compress)
    foreach(file ${ARGN})
        execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
    endforeach()
endfunction()

# The unit, for the place where the package's program will be.
set(FASTENR_BIN /usr/bin)
configure_file(${source}/fastenr.service.in ${host}/usr/lib/systemd/system/fastenr.service @ONLY)

# The settings of a service: those of the examples, with the store in its state folder.
file(READ ${source}/../conf.d/fastenr.conf settings)
string(REPLACE "store = \"sqlite:fastenr.db\"" "store = \"sqlite:///var/lib/fastenr/fastenr.db\""
    service_settings "${settings}")
if(service_settings STREQUAL settings)
    message(FATAL_ERROR "conf.d/fastenr.conf has no store that could be moved to /var/lib/fastenr")
endif()
file(WRITE ${host}/etc/fastenr/fastenr.conf "${service_settings}")

file(RENAME ${host}/usr/share/zsh/site-functions ${host}/usr/share/zsh/vendor-completions)
file(REMOVE ${host}/usr/share/doc/fastenr/LICENSE) # the copyright file has it
foreach(package fastenr fastenr-dev)
    set(root ${host})
    if(package STREQUAL fastenr-dev)
        set(root ${dev})
    endif()
    file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright ${CMAKE_CURRENT_LIST_DIR}/changelog
        DESTINATION ${root}/usr/share/doc/${package} FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    compress(${root}/usr/share/doc/${package}/changelog)
endforeach()
file(GLOB pages ${host}/usr/share/man/*/*)
compress(${pages})
