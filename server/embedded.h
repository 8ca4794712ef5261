#ifndef TALLYMARK_SERVER_EMBEDDED_H_
#define TALLYMARK_SERVER_EMBEDDED_H_

#include <string_view>

namespace tallymark {

// Files of this folder that the build puts into the binary (CMakeLists.txt).
std::string_view OpenApiYaml();
std::string_view DashboardHtml();

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_EMBEDDED_H_
