# The end-to-end driver: it starts the tallyd that lies beside it.
add_executable(ingest_e2e ingest_e2e_main.cc calibrate.cc check_counts.cc drain.cc loopback.cc mode_latency.cc
               mode_queries.cc mode_restart.cc mode_throughput.cc report.cc server_process.cc workload.cc)
target_link_libraries(ingest_e2e PRIVATE tallymark_tools Boost::json CLI11::CLI11 OpenSSL::Crypto PkgConfig::LZ4
                      Threads::Threads)
add_dependencies(ingest_e2e tallyd)
