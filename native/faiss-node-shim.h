// faiss-node 0.5.1 was written for FAISS 1.7.4, where idx_t lives in the namespace; 1.7.3 has it in Index.
#include <faiss/Index.h>
namespace faiss {
using idx_t = Index::idx_t;
}
