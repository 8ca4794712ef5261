# Tests that run the built programs. A script that exits with 77 is SKIPPED: what it needs (data
# beside the checkout) is not there.
find_package(Python3 COMPONENTS Interpreter REQUIRED)
set(TALLYMARK_SHARED_DATA ${CMAKE_SOURCE_DIR}/../shared/data)

# The tool.
add_test(NAME tools.line_protocol_corpus
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/tools/corpus_check.py
    $<TARGET_FILE:tally> ${TALLYMARK_SHARED_DATA}/lineprotocol/corpus.json)
add_test(NAME tools.help
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/tools/help_check.py $<TARGET_FILE:tally>)
add_test(NAME tools.round_trip
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/tools/round_trip_check.py ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
add_test(NAME talkingdata
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/talkingdata_check.py
    ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} ${TALLYMARK_SHARED_DATA}/talkingdata/train_sample.csv)
add_test(NAME filters
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/filters_check.py
    ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} ${TALLYMARK_SHARED_DATA}/talkingdata/train_sample.csv)
add_test(NAME banners
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/banners_check.py
    ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} ${TALLYMARK_SHARED_DATA}/banners)
set_tests_properties(tools.line_protocol_corpus tools.help tools.round_trip talkingdata banners filters
  PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 1200)

# Fuzz targets that ./dev test built with clang beside this tree, so that one ctest run has all.
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

# SIGKILL under load: nothing acknowledged is lost, nothing counted twice. By hand with more rounds:
# tests/kill_test.py --rounds 500
set(TALLYMARK_KILL_ROUNDS 25)
if(TALLYMARK_SANITIZE)
  set(TALLYMARK_KILL_ROUNDS 8)  # recovery is several times slower there
endif()
add_test(NAME kill COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/kill_test.py
         --bin-dir ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} --rounds ${TALLYMARK_KILL_ROUNDS})
set_tests_properties(kill PROPERTIES TIMEOUT 900)

# --- server_tests run tallyd
if(TARGET server_tests)
  add_dependencies(server_tests tallyd)
endif()
# --- end of server_tests

# Named imports: killed in the middle and repeated, bounded memory, a batch against a naive count.
set(TALLYMARK_IMPORT_OPTIONS --rounds 6)
if(TALLYMARK_SANITIZE)
  set(TALLYMARK_IMPORT_OPTIONS --rounds 3 --any-memory)
endif()
add_test(NAME imports COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/import_check.py
         ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} ${TALLYMARK_IMPORT_OPTIONS})
set_tests_properties(imports PROPERTIES TIMEOUT 900)
add_test(NAME imports.banners COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/import_banners_check.py
         ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} ${TALLYMARK_SHARED_DATA}/banners)
set_tests_properties(imports.banners PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 1200)
