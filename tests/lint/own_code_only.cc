// A clang plugin that makes clang-tidy look at the project's own declarations only.
//
// clang-tidy 14 matches every check against everything a file includes and throws away what it finds
// in system headers; with Boost.Asio that is nine tenths of its time. Here the traversal is narrowed
// to top-level declarations outside of system headers before the checks run, which changes no
// finding: those in system headers were never shown. (clangd and later versions of clang-tidy do
// the same.) Built and loaded by tests/run_tidy.py.

#include <clang/AST/ASTConsumer.h>
#include <clang/AST/ASTContext.h>
#include <clang/Basic/SourceManager.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendPluginRegistry.h>

#include <memory>
#include <string>
#include <vector>

namespace {

class NarrowScope final : public clang::ASTConsumer {
 public:
  bool HandleTopLevelDecl(clang::DeclGroupRef group) override {
    for (clang::Decl* decl : group) {
      const clang::SourceManager& sources = decl->getASTContext().getSourceManager();
      if (!sources.isInSystemHeader(sources.getExpansionLoc(decl->getLocation()))) own_.push_back(decl);
    }
    return true;
  }
  void HandleTranslationUnit(clang::ASTContext& context) override { context.setTraversalScope(own_); }

 private:
  std::vector<clang::Decl*> own_;
};

// Registering is all it takes: a plugin of this kind runs before the main action, clang-tidy's checks.
class OwnCodeOnly final : public clang::PluginASTAction {
 protected:
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& /*compiler*/,
                                                        llvm::StringRef /*file*/) override {
    return std::make_unique<NarrowScope>();
  }
  bool ParseArgs(const clang::CompilerInstance& /*compiler*/,
                 const std::vector<std::string>& /*args*/) override {
    return true;
  }
  ActionType getActionType() override { return AddBeforeMainAction; }
};

const clang::FrontendPluginRegistry::Add<OwnCodeOnly> kRegistered("own-code-only", "narrows the traversal");

}  // namespace
