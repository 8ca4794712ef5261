# Tests that run the built programs. A script that exits with 77 is SKIPPED: what it needs (data
# beside the checkout) is not there.
find_package(Python3 COMPONENTS Interpreter REQUIRED)
set(TALLYMARK_SHARED_DATA ${CMAKE_SOURCE_DIR}/../shared/data)

# The tool.
add_test(NAME tools.line_protocol_corpus
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/tools/corpus_check.py
    $<TARGET_FILE:tally> ${TALLYMARK_SHARED_DATA}/lineprotocol/corpus.json)
set_tests_properties(tools.line_protocol_corpus PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
