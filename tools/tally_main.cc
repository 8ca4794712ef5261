#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tools/commands.h"

int main(int argc, char** argv) {
  constexpr int kUsageError = 2;
  CLI::App app("tally: the tool of Tallymark, the exact counter of ad events");
  app.require_subcommand(1);
  int exit_code = 0;
  tallymark::AddGenCommand(&app, &exit_code);
  tallymark::AddImportCommand(&app, &exit_code);
  tallymark::AddQueryCommand(&app, &exit_code);
  tallymark::AddTopCommand(&app, &exit_code);
  tallymark::AddDumpCommand(&app, &exit_code);
  tallymark::AddVerifyCommand(&app, &exit_code);
  tallymark::AddParseCommand(&app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  // Output may have gone to a full disk or a closed pipe: then nothing has been said.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fprintf(stderr, "tally: the output could not be written: %s\n", std::strerror(errno));
    return exit_code == 0 ? 1 : exit_code;
  }
  return exit_code;
}
