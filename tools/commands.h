#ifndef TALLYMARK_TOOLS_COMMANDS_H_
#define TALLYMARK_TOOLS_COMMANDS_H_

namespace CLI {
class App;
}

namespace tallymark {

// Each adds one subcommand of `tally` with its options, help and example. When it is the one that
// was called, its callback runs it and sets *exit_code: 0 done, 1 failed after one line on stderr
// that says why. Usage errors are CLI11's and exit with 2.
void AddGenCommand(CLI::App* app, int* exit_code);
void AddImportCommand(CLI::App* app, int* exit_code);
void AddQueryCommand(CLI::App* app, int* exit_code);
void AddTopCommand(CLI::App* app, int* exit_code);
void AddDumpCommand(CLI::App* app, int* exit_code);
void AddVerifyCommand(CLI::App* app, int* exit_code);
void AddParseCommand(CLI::App* app, int* exit_code);

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_COMMANDS_H_
