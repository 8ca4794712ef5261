#ifndef TALLYMARK_ENGINE_THREAD_NAME_H_
#define TALLYMARK_ENGINE_THREAD_NAME_H_

#include <pthread.h>

namespace tallymark {

// Names the calling thread for those who look at the process (`top -H`, `perf`): at most 15 bytes, a longer
// name is not taken. Threads that it starts are called the same until they say otherwise.
inline void NameThisThread(const char* name) { pthread_setname_np(pthread_self(), name); }

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_THREAD_NAME_H_
