# Tests that run the built programs. Each block belongs together; add yours below the others.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# --- Fuzz targets that ./dev test built with clang beside this tree, so that one ctest run has all.
set(TALLYMARK_FUZZ_BIN "" CACHE PATH "Where fuzz targets built elsewhere are; empty: not run here")
if(TALLYMARK_FUZZ_BIN AND NOT TALLYMARK_FUZZ)
  file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/*_fuzz.cc)
  foreach(source ${fuzzers})
    get_filename_component(name ${source} NAME_WE)
    string(REPLACE "_fuzz" "" decoder ${name})
    add_test(NAME fuzz.${decoder} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/run
             ${TALLYMARK_FUZZ_BIN}/${name} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${decoder})
  endforeach()
endif()
# --- end of fuzz targets

# --- SIGKILL under load: nothing acknowledged is lost, nothing counted twice. By hand with more rounds:
# tests/kill_test.py --rounds 500
set(TALLYMARK_KILL_ROUNDS 25)
if(TALLYMARK_SANITIZE)
  set(TALLYMARK_KILL_ROUNDS 8)  # recovery is several times slower there
endif()
add_test(NAME kill COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/kill_test.py
         --bin-dir ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} --rounds ${TALLYMARK_KILL_ROUNDS})
set_tests_properties(kill PROPERTIES TIMEOUT 900)
# --- end of SIGKILL under load
