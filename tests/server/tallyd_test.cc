#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/server/test_server.h"

namespace tallymark {
namespace {

// The program itself, with its output in files.
class TallydTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tallymark-tallyd-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }

  void Start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TALLYMARK_BIN_DIR "/tallyd");
    arguments.insert(arguments.end(), {"--data-dir", directory_ + "/data"});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, OutPath().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&files, 2, ErrPath().c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ASSERT_EQ(posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
  }
  void StartOnFreePorts(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--ingest-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"});
    Start(arguments);
    for (int i = 0; i < 3000 && Read(OutPath()).find('\n') == std::string::npos; ++i) usleep(10'000);
  }
  // The exit code; -1 for a signal.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int Stop(int signal) {
    kill(pid_, signal);
    return Wait();
  }

  // "127.0.0.1:1234" after "ingest=" or "http=" of the ready line.
  std::string Address(const std::string& name) {
    std::string ready = Read(OutPath());
    size_t at = ready.find(" " + name + "=") + name.size() + 2;
    return ready.substr(at, ready.find(' ', at) - at);
  }
  std::string OutPath() const { return directory_ + "/out"; }
  std::string ErrPath() const { return directory_ + "/err"; }
  static std::string Read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void ExpectRefused(const std::string& why) {
    EXPECT_EQ(Wait(), 1);
    std::string error = Read(ErrPath());
    EXPECT_TRUE(error.starts_with("tallyd: ")) << error;
    EXPECT_NE(error.find(why), std::string::npos) << error;
    EXPECT_EQ(error.find('\n'), error.size() - 1) << error;
    EXPECT_EQ(Read(OutPath()), "");
  }

  std::string directory_;
  pid_t pid_ = 0;
};

TEST_F(TallydTest, SaysItIsReadyAndStopsOnASignal) {
  for (int signal : {SIGTERM, SIGINT}) {
    StartOnFreePorts({});
    EXPECT_EQ(Read(OutPath()), "tallymark ready ingest=" + Address("ingest") + " http=" + Address("http") +
                                   " data=" + directory_ + "/data\n");
    TestSocket socket(Address("ingest"));
    ASSERT_TRUE(socket.connected());
    socket.Send("click,ad_id=a event_id=\"" + std::to_string(signal) + "\" 1609459201000000000\n#sync x\n");
    EXPECT_EQ(socket.ReadLine(), "synced x accepted=1 duplicates=0 rejected=0");
    EXPECT_EQ(Stop(signal), 0);
    EXPECT_EQ(Read(OutPath()).find('\n'), Read(OutPath()).size() - 1);
  }
}

TEST_F(TallydTest, AnAcknowledgedEventSurvivesBeingKilled) {
  std::string line = "click,ad_id=a event_id=\"1\" 1609459201000000000\n#sync x\n";
  StartOnFreePorts({});
  {
    TestSocket socket(Address("ingest"));
    socket.Send(line);
    EXPECT_EQ(socket.ReadLine(), "synced x accepted=1 duplicates=0 rejected=0");
  }
  EXPECT_EQ(Stop(SIGKILL), -1);
  StartOnFreePorts({});
  TestSocket socket(Address("ingest"));
  socket.Send(line);
  EXPECT_EQ(socket.ReadLine(), "synced x accepted=0 duplicates=1 rejected=0");
}

TEST_F(TallydTest, OptionsMayComeFromAFile) {
  std::ofstream(directory_ + "/toml") << "max-future = \"0\"\nlog-level = \"warn\"\n";
  StartOnFreePorts({"--config", directory_ + "/toml"});
  TestSocket socket(Address("ingest"));
  int64_t soon_s = time(nullptr) + 300;
  socket.Send("click,ad_id=a event_id=\"1\" " + std::to_string(soon_s) + "000000000\n#sync x\n");
  EXPECT_EQ(socket.ReadLine(), "synced x accepted=0 duplicates=0 rejected=1");
  EXPECT_EQ(Stop(SIGTERM), 0);
  EXPECT_EQ(Read(ErrPath()), "");
}

TEST_F(TallydTest, WrongOptionsAreOneClearLine) {
  Start({"--retain-raw", "5x"});
  ExpectRefused("--retain-raw");
  Start({"--bogus"});
  ExpectRefused("--bogus");
  Start({"--http-listen", "0.0.0.0:0", "--ingest-listen", "127.0.0.1:0"});
  ExpectRefused("--insecure");
  std::ofstream(directory_ + "/toml") << "retain-mintes = \"90d\"\n";
  Start({"--config", directory_ + "/toml"});
  ExpectRefused("retain-mintes");
}

TEST_F(TallydTest, ATakenPortIsOneClearLine) {
  StartOnFreePorts({});
  std::string taken = Address("http");
  pid_t first = std::exchange(pid_, 0);
  Start({"--ingest-listen", "127.0.0.1:0", "--http-listen", taken});
  ExpectRefused(taken);
  pid_ = first;
  EXPECT_EQ(Stop(SIGTERM), 0);
}

}  // namespace
}  // namespace tallymark
