#include <CLI/CLI.hpp>
#include <cstdio>

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
  // Not every command looks: the disk may be full.
  if (exit_code == 0 && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)) {
    std::fputs("tally: the output could not be written\n", stderr);
    return 1;
  }
  return exit_code;
}
